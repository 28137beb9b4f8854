// Nodes, replicas and adapters that die in every phase, while messages flow.
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/cometbft/comet_fixture.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/waiting.h"

namespace icws {
namespace {

class CometKillTest : public support::CometTest {};

TEST_F(CometKillTest, EachNodeInTurn) {
  begin();
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    push(50);
    const pid_t before = subnet_->node_pid(i);
    ::kill(before, SIGKILL);
    push(50);
    subnet_->node_pid(i, before);
    expect_all_on();
  }
  expect_one_app_hash();
}

TEST_F(CometKillTest, EachReplicaInTurn) {
  begin();
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    push(50);
    const pid_t before = subnet_->replica_pid(i);
    const pid_t node = subnet_->node_pid(i);
    ::kill(before, SIGKILL);
    push(50);
    subnet_->replica_pid(i, before);
    // It cannot go on without its application.
    subnet_->node_pid(i, node);
    expect_all_on();
  }
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    const auto live = [](const auto& view) { return view.socket() == "live"; };
    EXPECT_TRUE(subnet_->wait_for(id_, live, {i}))
        << "replica " << i << ": " << subnet_->connection(i, id_)->socket();
  }
  expect_one_app_hash();
}

TEST_F(CometKillTest, AnAdapterThatDiesRejoinsAFeed) {
  begin({}, ", \"mode\": \"feed\"");
  push(100);
  const pid_t before = subnet_->adapter_pid(2);
  ::kill(before, SIGKILL);
  push(100);
  subnet_->adapter_pid(2, before);
  ASSERT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.socket() == "live"; }, {2}));
  push(100);
  const auto all = [&](const auto& view) { return view.messages() == pushed_.size(); };
  EXPECT_TRUE(subnet_->wait_for(id_, all));
  EXPECT_EQ(subnet_->heads(id_).size(), 1u);
}

TEST_F(CometKillTest, TwoOfFourDecideNothingAndGoOnWhenTheOthersAreBack) {
  begin();
  push(50);
  expect_all_on();
  // SIGSTOP: the supervisor does not start them again, their peers see silence.
  const std::vector<pid_t> stopped = {subnet_->node_pid(2), subnet_->node_pid(3)};
  for (const pid_t pid : stopped) ::kill(pid, SIGSTOP);
  push(50);
  const auto answer = subnet_->replica(0).call("echo", "open", "{}", Milliseconds(2'000));
  EXPECT_FALSE(answer) << "a block was decided";
  const uint64_t stuck = subnet_->height(0);
  EXPECT_FALSE(support::poll([&] { return subnet_->height(0) > stuck; }, Milliseconds(1'000)));
  for (const pid_t pid : stopped) ::kill(pid, SIGCONT);
  expect_all_on();
  expect_one_app_hash();
}

// CometBFT ends itself at its n-th fail point where FAIL_TEST_INDEX says so: between each two steps in which
// it writes its log, saves the block, and lets the application execute and commit it.
TEST_F(CometKillTest, ANodeThatEndsAtEachOfItsFailPoints) {
  constexpr int kFailPoints = 10;
  const support::TemporaryDirectory directory;
  const auto counter = directory / "next";
  std::ofstream(counter) << "0\n";
  const auto program = directory / "cometbft";
  std::ofstream(program) << "#!/bin/sh\n"
                         << "case \"$*\" in */replica-1/*)\n"
                         << "  n=$(cat " << counter << "); echo $((n + 1)) > " << counter << "\n"
                         << "  [ $n -lt " << kFailPoints << " ] && export FAIL_TEST_INDEX=$n ;;\n"
                         << "esac\n"
                         << "exec \"" << support::built_program("cometbft").string() << "\" \"$@\"\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  begin({"--cometbft", program.string()});
  const auto lives = [&] {
    int out = 0;
    std::ifstream(counter) >> out;
    return out;
  };
  EXPECT_TRUE(support::poll(
      [&] {
        push(1);
        return lives() > kFailPoints;
      },
      Milliseconds(300'000)));
  push(20);
  expect_all_on();
  expect_one_app_hash();
}

}  // namespace
}  // namespace icws
