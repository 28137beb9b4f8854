// Processes that are killed with SIGKILL while messages flow.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"

namespace icws {
namespace {

class SubnetKillTest : public testing::Test {
 protected:
  void begin(const std::string& more = {}, std::vector<std::string> flags = {}) {
    subnet_ = std::make_unique<support::Subnet>(std::move(flags));
    id_ = subnet_->open_echo_everywhere(server_.url(), more);
  }
  // The server's own messages, the same for all clients.
  void push(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      pushed_.push_back("message " + std::to_string(pushed_.size()));
      server_.push(pushed_.back());
    }
  }
  void expect_all_on(const std::vector<size_t>& replicas) {
    for (const size_t i : replicas)
      EXPECT_EQ(subnet_->messages(i, id_, pushed_.size()), pushed_) << "replica " << i;
    const auto same = [&](const auto& view) { return view.messages() == pushed_.size(); };
    EXPECT_TRUE(subnet_->wait_for(id_, same, replicas));
    EXPECT_EQ(subnet_->heads(id_, replicas).size(), 1u);
  }

  support::EchoServer server_;
  std::unique_ptr<support::Subnet> subnet_;
  uint64_t id_ = 0;
  std::vector<std::string> pushed_;
};

TEST_F(SubnetKillTest, AReplicaComesBackAndLosesNothing) {
  begin();
  push(200);
  ASSERT_FALSE(subnet_->messages(0, id_, 50).empty());
  const pid_t before = subnet_->replica_pid(1);
  ::kill(before, SIGKILL);
  push(200);
  subnet_->replica_pid(1, before);
  push(200);
  expect_all_on({0, 1, 2, 3});
  // Its adapter kept the socket: it takes part in the next messages too.
  push(50);
  expect_all_on({0, 1, 2, 3});
  EXPECT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.socket() == "live"; }));
}

TEST_F(SubnetKillTest, EveryReplicaInTurn) {
  begin();
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    push(50);
    const pid_t before = subnet_->replica_pid(i);
    ::kill(before, SIGKILL);
    subnet_->replica_pid(i, before);
    expect_all_on({0, 1, 2, 3});
  }
}

TEST_F(SubnetKillTest, AnAdapterThatDiesIsOutInModeOrderedAndTheOthersGoOn) {
  begin();
  push(100);
  ASSERT_FALSE(subnet_->messages(0, id_, 50).empty());
  ::kill(subnet_->adapter_pid(2), SIGKILL);
  push(200);
  expect_all_on({0, 1, 2, 3});
  EXPECT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.socket() == "out"; }, {2}));
}

TEST_F(SubnetKillTest, AnAdapterThatDiesRejoinsAFeed) {
  begin(", \"mode\": \"feed\"");
  push(100);
  ASSERT_FALSE(subnet_->messages(0, id_, 50).empty());
  const pid_t before = subnet_->adapter_pid(2);
  ::kill(before, SIGKILL);
  push(100);
  subnet_->adapter_pid(2, before);
  ASSERT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.socket() == "live"; }, {2}));
  push(100);
  expect_all_on({0, 1, 2, 3});
}

TEST_F(SubnetKillTest, ThreeOfFourSufficeAndTwoDecideNothing) {
  begin({}, {"--no-restart"});
  ::kill(subnet_->replica_pid(3), SIGKILL);
  push(100);
  expect_all_on({0, 1, 2});
  ::kill(subnet_->replica_pid(2), SIGKILL);
  ASSERT_TRUE(subnet_->process().wait_for_output("replica 2 is left out"));
  const uint64_t stuck = subnet_->height(0);
  push(10);
  // A call cannot run: it waits for the block that does not come.
  const auto answer =
      subnet_->replica(0).call("echo", "trap_on_data", "{\"enabled\": false}", Milliseconds(1'500));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LE(subnet_->height(0), stuck + 1);
  EXPECT_EQ(subnet_->connection(0, id_)->messages(), 100u);
}

TEST_F(SubnetKillTest, TheServerIsAnAgreedCloseAndAReconnectIsTheNextEpoch) {
  begin(", \"reconnect\": true");
  push(20);
  expect_all_on({0, 1, 2, 3});
  server_.cut_all();
  ASSERT_TRUE(
      subnet_->wait_for(id_, [](const auto& view) { return view.epoch() == 2 && view.state() == "open"; }));
  push(20);
  expect_all_on({0, 1, 2, 3});
}

}  // namespace
}  // namespace icws
