// One of four replicas misbehaves; the other three go on, and say what was refused.
#include <gtest/gtest.h>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/waiting.h"

namespace icws {
namespace {

class SubnetByzantineTest : public testing::Test {
 protected:
  void begin(const std::string& mode, const std::string& more = {}) {
    const std::string program = support::built_program("icws-replica-byzantine").string();
    subnet_ = std::make_unique<support::Subnet>(
        std::vector<std::string>{"--replica-program", "1=" + program + "," + mode});
    id_ = subnet_->open_echo_everywhere(server_.url(), more);
  }
  // One more message of the server to each of its clients.
  void push() {
    pushed_.push_back("{\"message\":" + std::to_string(pushed_.size()) + "}");
    server_.push(pushed_.back());
  }
  // So many more messages of the server, the same for all clients, reach every replica's transcript.
  void expect_messages_agreed(size_t count) {
    for (size_t i = 0; i < count; ++i) push();
    for (const size_t i : {0, 2, 3}) {
      EXPECT_EQ(subnet_->messages(i, id_, pushed_.size()), pushed_) << "replica " << i;
    }
    EXPECT_TRUE(subnet_->wait_for(id_, [&](const auto& view) { return view.messages() == pushed_.size(); }));
    EXPECT_EQ(subnet_->heads(id_).size(), 1u) << "the liar too executes what was decided";
  }

  support::EchoServer server_;
  std::unique_ptr<support::Subnet> subnet_;
  uint64_t id_ = 0;
  std::vector<std::string> pushed_;
};

TEST_F(SubnetByzantineTest, LyingDigestsFindNoSupport) {
  begin("lie-digests");
  expect_messages_agreed(200);
}

TEST_F(SubnetByzantineTest, LyingDigestsFindNoSupportInAFeed) {
  begin("lie-digests", ", \"mode\": \"feed\"");
  expect_messages_agreed(200);
}

TEST_F(SubnetByzantineTest, ForgedContentsAreRefused) {
  begin("forge-contents");
  // It forges only when it is its turn to propose a block that holds a message. So messages keep coming
  // without waiting for the blocks: a message only after the last one's block would come in step with the
  // turns, and could miss the liar's each time.
  EXPECT_TRUE(support::poll([&] {
    push();
    return subnet_->process().output().find("refused by") != std::string::npos;
  }));
  expect_messages_agreed(5);
}

TEST_F(SubnetByzantineTest, AnOversizeReportIsRefused) {
  begin("oversize-report");
  EXPECT_TRUE(subnet_->process().wait_for_output("report of replica 1 refused by"));
  expect_messages_agreed(200);
}

TEST_F(SubnetByzantineTest, AWrongSignatureIsRefused) {
  begin("bad-signature");
  EXPECT_TRUE(subnet_->process().wait_for_output("report of replica 1 refused by"));
  expect_messages_agreed(200);
}

}  // namespace
}  // namespace icws
