// A replica that has lost its disk, in a subnet whose nodes do not keep all blocks: it comes back with a
// snapshot.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/integration/cometbft/comet_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/waiting.h"

namespace icws {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

// The value of the first line `name = "value"` after the line `section`.
std::string setting(const std::string& toml, const std::string& section, const std::string& name) {
  const std::string begin = "\n" + name + " = \"";
  const size_t at = toml.find(begin, toml.find(section));
  if (at == std::string::npos) throw std::runtime_error("no " + name + " in " + section);
  const size_t from = at + begin.size();
  return toml.substr(from, toml.find('"', from) - from);
}

std::string without_scheme(const std::string& address) {
  const size_t scheme = address.find("://");
  return scheme == std::string::npos ? address : address.substr(scheme + 3);
}

// While it is shut, a program behind it does not start.
class Gate {
 public:
  explicit Gate(const fs::path& directory)
      : file_(directory / "gate"), descriptor_(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0) throw std::runtime_error("cannot make the gate");
  }
  ~Gate() { ::close(descriptor_); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // A program that waits until it is open, and becomes the other one.
  fs::path before(const fs::path& program) const {
    const fs::path out = file_.parent_path() / program.filename();
    std::ofstream(out) << "#!/bin/sh\nflock --shared " << file_ << " true\nexec " << program << " \"$@\"\n";
    fs::permissions(out, fs::perms::owner_all);
    return out;
  }
  void shut() const { ::flock(descriptor_, LOCK_EX); }
  void open() const { ::flock(descriptor_, LOCK_UN); }

 private:
  const fs::path file_;
  const int descriptor_;
};

class CometStateSyncTest : public support::CometTest {
 protected:
  static constexpr size_t kLost = 3;

  // Snapshots of which two live long enough for a node that looks for them for five seconds.
  void begin_with_snapshots() {
    std::vector<std::string> flags;
    for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
      const fs::path program = support::built_program("icws-replica");
      flags.emplace_back("--replica-program");
      flags.push_back(std::to_string(i) + "=" + (i == kLost ? gate_.before(program) : program).string() +
                      ",--snapshot-interval,100,--blocks-kept,50");
    }
    begin(std::move(flags));
  }
  std::string log(size_t i) const { return read_text(subnet_->layout().replica_log(i)); }
  std::string config(size_t i) const { return read_text(subnet_->layout().node(i) / "config/config.toml"); }
  std::string rpc(size_t i) const { return without_scheme(setting(config(i), "[rpc]", "laddr")); }

  // Ends a replica and its node and keeps them down.
  void stop(size_t i) {
    gate_.shut();
    const pid_t replica = subnet_->replica_pid(i);
    const pid_t node = subnet_->node_pid(i);
    ::kill(replica, SIGKILL);
    ::kill(node, SIGKILL);
    const auto gone = [](pid_t pid) { return ::kill(pid, 0) != 0; };
    ASSERT_TRUE(support::poll([&] { return gone(replica) && gone(node); }));
  }

  // All but its keys and what it has signed.
  void lose_disk(size_t i) {
    const auto& layout = subnet_->layout();
    fs::remove_all(layout.state(i));
    fs::remove_all(layout.state(i).string() + "-snapshots");
    std::vector<fs::path> lost;
    for (const auto& entry : fs::directory_iterator(layout.node(i) / "data")) {
      if (entry.path().filename() != "priv_validator_state.json") lost.push_back(entry.path());
    }
    EXPECT_FALSE(lost.empty());
    for (const fs::path& path : lost) fs::remove_all(path);
  }

  // As docs/deploy.md says.
  void configure_state_sync(size_t i) {
    const auto& layout = subnet_->layout();
    const std::string old = config(i);
    std::vector<std::string> arguments = {"home",
                                          "--home",
                                          layout.node(i).string(),
                                          "--cluster",
                                          layout.cluster_file().string(),
                                          "--genesis",
                                          (layout.node(i) / "config/genesis.json").string(),
                                          "--key",
                                          layout.key_file(i).string(),
                                          "--node-key",
                                          layout.node_key_file(i).string(),
                                          "--moniker",
                                          "restored",
                                          "--abci-socket",
                                          layout.abci_socket(i).string(),
                                          "--p2p",
                                          without_scheme(setting(old, "[p2p]", "laddr")),
                                          "--rpc",
                                          rpc(i)};
    std::istringstream peers(setting(old, "[p2p]", "persistent_peers"));
    for (std::string peer; std::getline(peers, peer, ',');)
      arguments.insert(arguments.end(), {"--peer", peer});
    for (const size_t from : {0, 1}) arguments.insert(arguments.end(), {"--state-sync-from", rpc(from)});
    const auto made = support::run_tool("icws-setup", arguments);
    ASSERT_EQ(made.status, 0) << made.errors;
    EXPECT_NE(made.output.find("trusts block "), std::string::npos) << made.output;
    // The oldest that they have.
    EXPECT_EQ(made.output.find("trusts block 1,"), std::string::npos) << "no block was pruned";
  }

  const support::TemporaryDirectory directory_;
  const Gate gate_{directory_.path()};
};

TEST_F(CometStateSyncTest, ALostDiskIsFilledFromASnapshotAndTheReplicaVotesAgain) {
  begin_with_snapshots();
  push(200);
  expect_all_on();
  const auto has = [&](size_t i, const std::string& text) { return log(i).find(text) != std::string::npos; };
  for (const size_t i : {0, 1, 2}) {
    ASSERT_TRUE(support::poll([&] { return has(i, "snapshot of height 100: "); }, Milliseconds(120'000)))
        << log(i);
  }
  ASSERT_TRUE(support::poll([&] { return subnet_->height(0) > 160; }, Milliseconds(60'000)));
  stop(kLost);
  lose_disk(kLost);
  configure_state_sync(kLost);
  push(50);
  gate_.open();
  ASSERT_TRUE(support::poll([&] { return has(kLost, "state sync: restored the snapshot of height "); },
                            Milliseconds(120'000)))
      << log(kLost) << read_text(subnet_->layout().node_log(kLost)).substr(0, 20'000);
  push(50);
  expect_all_on();
  expect_one_app_hash();
  // Without one of the others, nothing goes on without it.
  const pid_t absent = subnet_->node_pid(0);
  ::kill(absent, SIGSTOP);
  push(50);
  expect_all_on({1, 2, kLost});
  ::kill(absent, SIGCONT);
  expect_all_on();
}

}  // namespace
}  // namespace icws
