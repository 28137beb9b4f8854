// The replica set changes under CometBFT, by the operators' commands alone, while messages flow.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>

#include "base/signature.h"
#include "tests/integration/cometbft/comet_fixture.h"
#include "tests/support/waiting.h"
#include "tools/key_file.h"

namespace icws {
namespace {

using testing::HasSubstr;

class CometMembershipTest : public support::CometTest {
 protected:
  static constexpr Milliseconds kLook{5'000};

  std::string key_file(size_t i) const { return subnet_->layout().key_file(i).string(); }
  std::string public_key(size_t i) const {
    return to_hex(SigningKey(tools::read_key_file(key_file(i)).value()).public_key());
  }
  // Proposes what `what` says, lets `signers` sign, and submits it to the replica `at`.
  void change(std::vector<std::string> what, const std::vector<size_t>& signers, size_t at = 0) {
    const std::string file = (folder_ / "change").string();
    what.insert(what.begin(), {"replicas", "propose", file, "--blocks-ahead", "60"});
    const auto proposed = subnet_->control(what);
    ASSERT_EQ(proposed.status, 0) << proposed.errors;
    std::string keys;
    for (const size_t i : signers) keys += (keys.empty() ? "" : ",") + key_file(i);
    const auto with = subnet_->control({"replicas", "sign", file, "--key", keys});
    ASSERT_EQ(with.status, 0) << with.errors;
    const auto submitted = subnet_->control({"--replica", std::to_string(at), "replicas", "submit", file});
    ASSERT_EQ(submitted.status, 0) << submitted.errors;
    EXPECT_THAT(submitted.output, HasSubstr("active from height"));
  }
  // Messages flow until each of `replicas` has this version of the set, and some blocks more.
  void flow_until(uint64_t version, const std::vector<size_t>& replicas) {
    ASSERT_TRUE(support::poll([&] {
      push(5);
      return std::ranges::all_of(replicas, [&](size_t i) {
        const auto status = subnet_->replica(i).status(kLook);
        return status && status->replica_set_version() == version;
      });
    }));
    push(5);
    ASSERT_TRUE(subnet_->wait_for_height(subnet_->height(0) + 3, replicas));
  }
  bool member(size_t i) {
    const auto status = subnet_->replica(i).status(kLook);
    return status && status->member();
  }
  uint64_t open_on(support::EchoServer& server, const std::vector<size_t>& replicas) {
    const uint64_t id = subnet_->open_echo(server.url());
    EXPECT_TRUE(subnet_->wait_for(
        id, [](const auto& view) { return view.state() == "open" && view.socket() == "live"; }, replicas));
    return id;
  }

  support::TemporaryDirectory folder_;
};

TEST_F(CometMembershipTest, AFifthJoinsFromTheBlocksAndOneOfTheFirstFourLeaves) {
  begin();
  push(50);
  subnet_->join(4);
  EXPECT_FALSE(member(4));
  change({"--add", public_key(4)}, {0, 1, 2});
  flow_until(1, {0, 1, 2, 3, 4});
  EXPECT_TRUE(member(4));
  expect_all_on({0, 1, 2, 3, 4});

  // A new connection has it in its committee, and a call that it took runs.
  support::EchoServer other;
  const uint64_t id = open_on(other, {0, 1, 2, 3, 4});
  subnet_->send_echo(id, "from the fifth", 4);
  EXPECT_EQ(subnet_->messages(4, id, 1), std::vector<std::string>{"from the fifth"});

  change({"--remove", "3"}, {0, 1, 2, 4}, 4);
  flow_until(2, {0, 1, 2, 3, 4});
  EXPECT_FALSE(member(3));
  EXPECT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.socket() == "none"; }, {3}));
  // It may be stopped, and be it in the middle of something.
  ::kill(subnet_->node_pid(3), SIGSTOP);
  subnet_->send_echo(id, "without the fourth", 4);
  for (const size_t i : {0, 1, 2, 4}) EXPECT_EQ(subnet_->messages(i, id, 2).size(), 2u) << "replica " << i;
  EXPECT_EQ(subnet_->heads(id, {0, 1, 2, 4}).size(), 1u);
  expect_all_on({0, 1, 2, 4});
  expect_one_app_hash({0, 1, 2, 4});

  // The fifth's vote counts: with it three of four decide, and the first four alone were two.
  const pid_t first = subnet_->node_pid(0);
  ::kill(first, SIGSTOP);
  const uint64_t height = subnet_->height(4);
  EXPECT_TRUE(subnet_->wait_for_height(height + 5, {1, 2, 4}));
  ::kill(first, SIGCONT);
  ::kill(subnet_->node_pid(3), SIGCONT);
  expect_one_app_hash({0, 1, 2, 4});
}

// One process at a time, on both sides of the height at which the set changes.
TEST_F(CometMembershipTest, NodesAndReplicasDieWhileTheSetChanges) {
  begin();
  subnet_->join(4);
  change({"--add", public_key(4)}, {0, 1, 2, 3});
  const auto changed = [&] {
    const auto status = subnet_->replica(4).status(kLook);
    return status && status->replica_set_version() == 1;
  };
  size_t after = 0;
  for (size_t turn = 0; after < 5; ++turn) {
    const size_t i = turn % 5;
    if (changed()) ++after;
    push(5);
    const pid_t node = subnet_->node_pid(i);
    const pid_t replica = subnet_->replica_pid(i);
    ::kill(turn % 2 == 0 ? node : replica, SIGKILL);
    subnet_->node_pid(i, node);
    if (turn % 2 == 1) subnet_->replica_pid(i, replica);
    ASSERT_LT(turn, 200u);
  }
  flow_until(1, {0, 1, 2, 3, 4});
  expect_all_on({0, 1, 2, 3, 4});
  expect_one_app_hash({0, 1, 2, 3, 4});
}

TEST_F(CometMembershipTest, AKeyIsRotatedAndTheNodeVotesWithIt) {
  begin();
  const auto made = support::run_tool("icwsctl", {"replicas", "new-key", key_file(2)});
  ASSERT_EQ(made.status, 0) << made.errors;
  change({"--rotate", "2=" + made.output.substr(0, 64)}, {0, 1, 3});
  flow_until(1, {0, 1, 2, 3});
  // As docs/replicas.md says: until then it is one of the f that may fail.
  std::filesystem::rename(key_file(2) + ".next", key_file(2));
  const auto given = support::run_tool(
      "icws-setup", {"validator-key", "--home", subnet_->layout().node(2).string(), "--key", key_file(2)});
  ASSERT_EQ(given.status, 0) << given.errors;
  const pid_t node = subnet_->node_pid(2);
  ::kill(node, SIGTERM);
  subnet_->node_pid(2, node);
  expect_all_on();
  // Three of four decide, and these three are not it alone.
  const pid_t other = subnet_->node_pid(3);
  ASSERT_TRUE(support::poll([&] {
    ::kill(other, SIGSTOP);
    const uint64_t height = subnet_->height(0);
    const bool goes_on = support::poll([&] { return subnet_->height(0) > height + 2; }, Milliseconds(5'000));
    ::kill(other, SIGCONT);
    return goes_on;
  }));
  push(20);
  expect_all_on();
  subnet_->send_echo(id_, "signed with the new key", 2);
  pushed_.push_back("signed with the new key");
  expect_all_on();
  expect_one_app_hash();
}

}  // namespace
}  // namespace icws
