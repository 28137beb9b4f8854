// One of four replicas misbehaves; the other three go on, and say what was refused.
#include <gtest/gtest.h>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"

namespace icws {
namespace {

class SubnetByzantineTest : public testing::Test {
 protected:
  void begin(const std::string& mode, const std::string& more = {}) {
    const std::string program = support::built_program("icws-replica-byzantine").string();
    subnet_ = std::make_unique<support::Subnet>(
        std::vector<std::string>{"--replica-program", "1=" + program + "," + mode});
    id_ = subnet_->open_echo(server_.url(), more);
    ASSERT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.state() == "open"; }));
  }
  void expect_messages_agreed(size_t count) {
    std::vector<std::string> pushed;
    for (size_t i = 0; i < count; ++i) {
      pushed.push_back("{\"message\":" + std::to_string(i) + "}");
      server_.push(pushed.back());
    }
    for (const size_t i : {0, 2, 3}) EXPECT_EQ(subnet_->messages(i, id_, count), pushed) << "replica " << i;
    EXPECT_TRUE(subnet_->wait_for(id_, [&](const auto& view) { return view.messages() == count; }));
    EXPECT_EQ(subnet_->heads(id_).size(), 1u) << "the liar too executes what was decided";
  }

  support::EchoServer server_;
  std::unique_ptr<support::Subnet> subnet_;
  uint64_t id_ = 0;
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
  expect_messages_agreed(200);
  EXPECT_TRUE(subnet_->process().wait_for_output("refused by"));
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
