// Accounts and the life of canisters, with the programs that an operator uses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/child_process.h"
#include "tests/support/echo_server.h"

namespace icws {
namespace {

const auto kOpen = [](const auto& view) { return view.state() == "open"; };
const auto kClosed = [](const auto& view) { return view.state() == "closed"; };

// What icwsctl prints, and how it ended.
struct Printed {
  std::string text;
  int status = 0;
};
Printed ctl(support::Subnet& subnet, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--directory", subnet.layout().directory.string()});
  support::ChildOptions options;
  options.program = support::built_program("icwsctl");
  options.arguments = std::move(arguments);
  support::ChildProcess process(std::move(options));
  const auto exit = process.wait_exit();
  return {process.output(), exit ? exit->status.value_or(-1) : -1};
}

TEST(SubnetCanister, IsPaidForStoppedStartedUpgradedAndDeleted) {
  support::EchoServer server;
  support::Subnet subnet;
  const uint64_t id =
      subnet.open_echo(server.url(), R"(,"reconnect":true,"transform":"after","context":"|")");
  ASSERT_TRUE(subnet.wait_for(id, kOpen));
  EXPECT_THAT(ctl(subnet, {"deposit", "echo", "1000"}).text, testing::HasSubstr("cycles"));
  EXPECT_THAT(ctl(subnet, {"canisters"}).text, testing::HasSubstr("running"));

  // Connections live through an upgrade, and so does the transform.
  EXPECT_EQ(ctl(subnet, {"canister", "upgrade", "echo", "echo"}).status, 0);
  subnet.send_echo(id, "removed|kept");
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    EXPECT_EQ(subnet.messages(i, id, 1), (std::vector<std::string>{"kept"}));
  }
  ASSERT_TRUE(subnet.wait_for(id, [](const auto& view) { return view.usage().messages() == 1; }));
  EXPECT_GT(subnet.connection(0, id)->usage().cycles(), 0u);
  EXPECT_EQ(subnet.connection(0, id)->replicas_needed(), 3u);

  EXPECT_EQ(ctl(subnet, {"canister", "delete", "echo"}).status, 1);
  EXPECT_EQ(ctl(subnet, {"canister", "stop", "echo"}).status, 0);
  ASSERT_TRUE(subnet.wait_for(id, kClosed));
  EXPECT_EQ(subnet.connection(2, id)->cause(), "CANISTER_STOPPED");
  EXPECT_TRUE(server.progress().wait_until([](const auto& progress) { return progress.open == 0; }));
  EXPECT_NE(ctl(subnet, {"call", "echo", "send", "{}"}).status, 0);
  EXPECT_EQ(ctl(subnet, {"canister", "start", "echo"}).status, 0);
  const uint64_t again = subnet.open_echo(server.url());
  ASSERT_TRUE(subnet.wait_for(again, kOpen));
  EXPECT_EQ(ctl(subnet, {"canister", "stop", "echo"}).status, 0);
  ASSERT_TRUE(subnet.wait_for(again, kClosed));
  // The canister is told of the end in the next block, and is stopped then.
  ASSERT_TRUE(subnet.wait_for_height(subnet.height(0) + 3, {0}));
  const Printed deleted = ctl(subnet, {"canister", "delete", "echo"});
  EXPECT_EQ(deleted.status, 0) << deleted.text;
  EXPECT_THAT(ctl(subnet, {"canisters"}).text, testing::Not(testing::HasSubstr("echo")));
  EXPECT_EQ(subnet.heads(id).size(), 1u);
}

}  // namespace
}  // namespace icws
