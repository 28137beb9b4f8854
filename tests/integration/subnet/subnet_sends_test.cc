// Who writes what a canister sends: counted by the server that gets it, with real processes.
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"

namespace icws {
namespace {

class SubnetSendsTest : public testing::Test {
 protected:
  void begin(const std::string& more, std::vector<std::string> flags = {}) {
    subnet_ = std::make_unique<support::Subnet>(std::move(flags));
    id_ = subnet_->open_echo_everywhere(server_.url(), R"(,"receipts":true)" + more);
  }
  bool server_gets(uint64_t messages) {
    return server_.progress().wait_until([=](const auto& progress) { return progress.messages >= messages; });
  }
  uint64_t server_got() { return server_.progress().get().messages; }
  // The writers of the canister's message `sequence`; waits for its receipt, which all of `replicas` must
  // have.
  std::vector<uint32_t> writers_of(uint64_t sequence, const std::vector<size_t>& replicas = {0, 1, 2, 3}) {
    EXPECT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.outbox_bytes() == 0; }, replicas));
    for (const auto& entry : subnet_->transcript(replicas.front(), id_)) {
      if (!entry.has_sent() || entry.sent().first() > sequence || entry.sent().last() < sequence) continue;
      return {entry.sent().writers().begin(), entry.sent().writers().end()};
    }
    return {};
  }

  support::EchoServer server_;
  std::unique_ptr<support::Subnet> subnet_;
  uint64_t id_ = 0;
};

TEST_F(SubnetSendsTest, AllWriteACopyEach) {
  begin("");
  subnet_->send_echo(id_, "order");
  ASSERT_TRUE(server_gets(4));
  EXPECT_GE(writers_of(1).size(), 3u);
  EXPECT_EQ(server_got(), 4u);
}

TEST_F(SubnetSendsTest, SomeAreFPlusOne) {
  begin(R"(,"mode":"feed","writers":"some")");
  for (int i = 0; i < 3; ++i) subnet_->send_echo(id_, "order " + std::to_string(i));
  ASSERT_TRUE(server_gets(6));
  EXPECT_EQ(writers_of(3).size(), 2u);
  EXPECT_EQ(server_got(), 6u);
}

TEST_F(SubnetSendsTest, SingleIsOneCopyAndTheCanisterKnowsWhose) {
  begin(R"(,"mode":"feed","writers":"single")");
  for (int i = 0; i < 3; ++i) subnet_->send_echo(id_, "order " + std::to_string(i), static_cast<size_t>(i));
  ASSERT_TRUE(server_gets(3));
  const auto writers = writers_of(3);
  ASSERT_EQ(writers.size(), 1u);
  EXPECT_EQ(server_got(), 3u);
  const std::string status = subnet_->query("echo", "connections", "{}", 2);
  EXPECT_NE(status.find("\"written\":3"), std::string::npos) << status;
  EXPECT_NE(status.find("\"writers\":[" + std::to_string(writers[0]) + "]"), std::string::npos) << status;
}

// The writer's replica dies before it hands the message over: its adapter and socket stay, and are silent.
// After the timeout another one writes it, once.
TEST_F(SubnetSendsTest, AnotherTakesOverFromAWriterThatDied) {
  begin(R"(,"mode":"feed","writers":"single")", {"--no-restart"});
  subnet_->send_echo(id_, "first");
  const auto writers = writers_of(1);
  ASSERT_EQ(writers.size(), 1u);
  ::kill(subnet_->replica_pid(writers[0]), SIGKILL);
  std::vector<size_t> others;
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    if (i != writers[0]) others.push_back(i);
  }
  subnet_->send_echo(id_, "second", others[0]);
  ASSERT_TRUE(server_gets(2));
  const auto next = writers_of(2, others);
  ASSERT_EQ(next.size(), 1u);
  EXPECT_NE(next, writers);
  EXPECT_EQ(server_got(), 2u);
}

// Its adapter dies with the socket: that is reported, and nobody waits for the timeout.
TEST_F(SubnetSendsTest, AnotherTakesOverFromAWriterWhoseSocketIsGone) {
  begin(R"(,"mode":"feed","writers":"single")");
  subnet_->send_echo(id_, "first");
  const auto writers = writers_of(1);
  ASSERT_EQ(writers.size(), 1u);
  ::kill(subnet_->adapter_pid(writers[0]), SIGKILL);
  subnet_->send_echo(id_, "second");
  ASSERT_TRUE(server_gets(2));
  EXPECT_EQ(writers_of(2).size(), 1u);
}

TEST_F(SubnetSendsTest, AMessageOverTheLimitComesInPartsOnAllReplicas) {
  begin(R"(,"chunks":true,"message_bytes_max":4096)");
  const std::string text(10'000, 'x');
  subnet_->send_echo(id_, text);
  ASSERT_TRUE(subnet_->wait_for(
      id_, [](const auto& view) { return view.messages() == 1 && view.outbox_bytes() == 0; }));
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    std::string whole;
    uint32_t part = 0;
    for (const auto& entry : subnet_->transcript(i, id_)) {
      if (!entry.has_message()) continue;
      EXPECT_EQ(entry.message().part(), ++part);
      EXPECT_EQ(entry.message().parts(), 3u);
      whole += entry.message().content();
    }
    EXPECT_EQ(whole, text) << "replica " << i;
  }
  EXPECT_EQ(subnet_->heads(id_).size(), 1u);
}

}  // namespace
}  // namespace icws
