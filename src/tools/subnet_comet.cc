#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>

#include "base/hash.h"
#include "engine/cometbft/node_files.h"
#include "tools/comet_home.h"
#include "tools/key_file.h"
#include "tools/subnet_engine.h"

namespace icws::tools {
namespace {

constexpr Milliseconds kNodeStopPatience{10'000};
// A replica so far behind the highest is not counted as live.
constexpr uint64_t kLiveBlocks = 20;

// Each node has an address of its own in 127.0.0.0/8: no port need be free for all, and a subnet finds its
// nodes again after a restart. Derived from the chain id, so that subnets on one machine do not meet.
std::string loopback_address(const std::string& chain_id, size_t replica) {
  const Digest digest = sha256("icws/subnet/address/1" + chain_id);
  const auto part = [&](size_t i) { return std::to_string(1 + digest.bytes[i] % 254); };
  return "127." + part(0) + "." + part(1) + "." + std::to_string(replica + 1);
}

std::string p2p_address(const std::string& chain_id, size_t replica) {
  return loopback_address(chain_id, replica) + ":26656";
}

std::string rpc_address(const std::string& chain_id, size_t replica) {
  return loopback_address(chain_id, replica) + ":26657";
}

// Somebody listens on this Unix socket.
bool listens(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const bool yes = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return yes;
}

// Held while the object lives; the kernel lets go of it with the process.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    if (descriptor_ >= 0) ::close(descriptor_);
    throw std::runtime_error("another icws-subnet runs on " + file.parent_path().string());
  }
  ~DirectoryLock() { ::close(descriptor_); }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_;
};

// A CometBFT node for each replica, as a child process.
class CometSubnetEngine final : public SubnetEngine {
 public:
  explicit CometSubnetEngine(const SubnetParts& parts)
      : parts_(parts),
        indices_(parts.options.indices()),
        lock_(locked_file(parts)),
        program_(find_cometbft(parts.options.cometbft)) {
    write_homes();
  }

  void start(const std::vector<size_t>& replicas) override {
    const auto& layout = parts_.subnet.layout;
    for (const size_t i : indices_) {
      ChildSpec spec{"node " + std::to_string(i),
                     program_,
                     {"start", "--home", layout.node(i).string()},
                     layout.node_log(i),
                     // A node that finds nobody there looks again only after three seconds.
                     [socket = layout.abci_socket(i).string()] { return listens(socket); },
                     // CometBFT v0.38 may wait for ever for the answer of an application that died.
                     replicas[nodes_.size()]};
      nodes_.push_back(parts_.supervisor.start(std::move(spec)));
    }
  }

  EnginePanel panel(const std::vector<ReplicaPanel>& replicas) const override {
    EnginePanel out;
    for (const auto& replica : replicas) {
      if (!replica.status) continue;
      out.height = std::max(out.height, Height(replica.status->height()));
      out.refused += replica.status->reports_refused();
    }
    out.up = out.height > Height(0);
    size_t running = 0;
    for (size_t i = 0; i < replicas.size(); ++i) {
      const bool node = node_pid(i) != 0;
      running += node ? 1 : 0;
      const auto& status = replicas[i].status;
      const bool live = node && status && status->height() + kLiveBlocks >= out.height.value;
      out.live += live ? 1 : 0;
      out.standings.emplace_back(live ? "live" : !status ? "lost" : node ? "behind" : "no node");
    }
    out.detail = "CometBFT nodes " + std::to_string(running);
    return out;
  }

  bool failed() const override { return false; }
  void stop() override { parts_.supervisor.stop(nodes_, kNodeStopPatience); }
  pid_t node_pid(size_t place) const override {
    return place < nodes_.size() ? parts_.supervisor.pid(nodes_[place]) : 0;
  }

 private:
  // Of what this process runs nobody else may run anything.
  static std::filesystem::path locked_file(const SubnetParts& parts) {
    const auto& layout = parts.subnet.layout;
    return parts.options.join ? layout.key_file(*parts.options.join) : layout.cluster_file();
  }

  // Of the nodes of this directory, also of those that another process runs; by replica.
  std::map<size_t, std::string> node_ids() const {
    const auto& layout = parts_.subnet.layout;
    std::map<size_t, std::string> out;
    for (size_t i = 0; i <= indices_.back(); ++i) {
      const auto file = layout.node_key_file(i);
      if (std::filesystem::exists(file)) {
        out.emplace(i, engine::node_id(SigningKey(read_seed(file)).public_key()));
      }
    }
    return out;
  }

  // A chain has one: its time is when it was made.
  std::string genesis() const {
    for (size_t i = 0; i < indices_.back(); ++i) {
      std::ifstream in(parts_.subnet.layout.node(i) / "config/genesis.json");
      if (in) return {std::istreambuf_iterator<char>(in), {}};
    }
    const auto now =
        std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    return engine::format_genesis(parts_.subnet.cluster, BlockTime(now));
  }

  void write_homes() {
    const auto& [layout, cluster, existed] = parts_.subnet;
    for (const size_t i : indices_) {
      if (!std::filesystem::exists(layout.node_key_file(i))) create_key_file(layout.node_key_file(i));
    }
    const auto ids = node_ids();
    const std::string genesis = this->genesis();
    for (const size_t i : indices_) {
      engine::NodeConfig config;
      config.moniker = "replica-" + std::to_string(i);
      config.abci_socket = layout.abci_socket(i).string();
      config.p2p_listen = p2p_address(cluster.chain_id, i);
      config.rpc_listen = rpc_address(cluster.chain_id, i);
      for (const auto& [j, id] : ids) {
        if (j != i) config.peers.push_back(id + "@" + p2p_address(cluster.chain_id, j));
      }
      write_comet_home(layout.node(i), {.config = engine::format_node_config(config, cluster),
                                        .genesis = genesis,
                                        .seed = read_seed(layout.key_file(i)),
                                        .node_seed = read_seed(layout.node_key_file(i))});
    }
  }

  const SubnetParts parts_;
  const std::vector<size_t> indices_;
  const DirectoryLock lock_;
  const std::filesystem::path program_;
  std::vector<size_t> nodes_;
};

}  // namespace

std::unique_ptr<SubnetEngine> make_comet_engine(const SubnetParts& parts) {
  return std::make_unique<CometSubnetEngine>(parts);
}

std::vector<std::string> replica_engine_flags(const SubnetOptions& options, const Subnet& subnet,
                                              size_t replica) {
  if (options.engine == EngineKind::Local) return {};
  return {"--engine",      "cometbft",
          "--abci-socket", subnet.layout.abci_socket(replica).string(),
          "--node-rpc",    rpc_address(subnet.cluster.chain_id, replica)};
}

}  // namespace icws::tools
