// Mode delegated with real processes: one socket, and what the death of its owner shows.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"

namespace icws {
namespace {

class SubnetDelegatedTest : public testing::Test {
 protected:
  void begin(std::vector<std::string> flags = {}) {
    subnet_ = std::make_unique<support::Subnet>(std::move(flags));
    id_ = subnet_->open_echo(server_.url(), R"(,"mode":"delegated","term_timeout_ms":2000)");
    ASSERT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.state() == "open"; }));
  }
  // As the newest `opened` says.
  uint32_t owner(size_t ask = 0) {
    uint32_t out = support::Subnet::kReplicas;
    for (const auto& entry : subnet_->transcript(ask, id_)) {
      if (entry.has_opened()) out = entry.opened().owner().member();
    }
    return out;
  }

  support::EchoServer server_;
  std::unique_ptr<support::Subnet> subnet_;
  uint64_t id_ = 0;
};

TEST_F(SubnetDelegatedTest, TheServerSeesOneClientAndAllReplicasHaveItsWord) {
  begin();
  for (int i = 0; i < 20; ++i) subnet_->send_echo(id_, "order " + std::to_string(i));
  ASSERT_TRUE(subnet_->wait_for(
      id_, [](const auto& view) { return view.messages() == 20 && view.outbox_bytes() == 0; }));
  EXPECT_EQ(server_.progress().get().messages, 20u);
  EXPECT_EQ(subnet_->heads(id_).size(), 1u);
  EXPECT_LT(owner(), support::Subnet::kReplicas);
}

TEST_F(SubnetDelegatedTest, AnotherTakesOverFromAnOwnerThatDiedAndWritesWhatIsLeft) {
  begin({"--no-restart"});
  subnet_->send_echo(id_, "first");
  ASSERT_TRUE(subnet_->wait_for(
      id_, [](const auto& view) { return view.messages() == 1 && view.outbox_bytes() == 0; }));
  const uint32_t dead = owner();
  ASSERT_LT(dead, support::Subnet::kReplicas);
  ::kill(subnet_->replica_pid(dead), SIGKILL);
  std::vector<size_t> others;
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    if (i != dead) others.push_back(i);
  }
  subnet_->send_echo(id_, "second", others[0]);
  ASSERT_TRUE(subnet_->wait_for(
      id_, [](const auto& view) { return view.messages() == 2 && view.outbox_bytes() == 0; }, others));
  EXPECT_EQ(subnet_->messages(others[0], id_, 2), (std::vector<std::string>{"first", "second"}));
  const auto entries = subnet_->transcript(others[0], id_);
  const auto handover = std::ranges::find_if(entries, [](const auto& entry) { return entry.has_handover(); });
  ASSERT_NE(handover, entries.end());
  EXPECT_EQ(handover->handover().from(), dead);
  EXPECT_EQ(handover->handover().to(), owner(others[0]));
  EXPECT_NE(owner(others[0]), dead);
  EXPECT_EQ(subnet_->heads(id_, others).size(), 1u);
}

}  // namespace
}  // namespace icws
