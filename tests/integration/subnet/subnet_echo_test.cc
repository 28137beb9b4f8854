#include <gtest/gtest.h>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/reserved_port.h"

namespace icws {
namespace {

const auto kOpen = [](const auto& view) { return view.state() == "open"; };

TEST(SubnetEcho, ARoundTripReachesTheCanisterOnAllReplicas) {
  support::EchoServer server;
  support::Subnet subnet;
  const uint64_t id = subnet.open_echo(server.url());
  ASSERT_TRUE(subnet.wait_for(id, kOpen));
  const std::vector<std::string> texts = {"one", "two", "three"};
  for (size_t i = 0; i < texts.size(); ++i) subnet.send_echo(id, texts[i], i);
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) EXPECT_EQ(subnet.messages(i, id, 3), texts);
  ASSERT_TRUE(subnet.wait_for(id, [](const auto& view) { return view.entries() == 4; }));
  EXPECT_EQ(subnet.heads(id).size(), 1u);
  EXPECT_NE(subnet.query("echo", "answers", "{}", 3).find("three"), std::string::npos);

  // Every replica wrote each message to its own socket.
  EXPECT_TRUE(server.progress().wait_until([](const auto& progress) { return progress.messages == 12; }));
  subnet.call("echo", "close", "{\"connection\": " + std::to_string(id) + "}");
  ASSERT_TRUE(subnet.wait_for(id, [](const auto& view) { return view.state() == "closed"; }));
  EXPECT_TRUE(server.progress().wait_until([](const auto& progress) { return progress.open == 0; }));
  EXPECT_EQ(subnet.heads(id).size(), 1u);
}

TEST(SubnetEcho, CompressionChangesNothingThatIsAgreedOn) {
  support::EchoOptions options;
  options.server.compression.emplace();
  support::EchoServer server(options);
  support::Subnet subnet({"--compression"});
  const uint64_t compressed = subnet.open_echo(server.url(), R"(,"compression":true)");
  const uint64_t plain = subnet.open_echo(server.url());
  ASSERT_TRUE(subnet.wait_for(compressed, kOpen));
  ASSERT_TRUE(subnet.wait_for(plain, kOpen));
  std::vector<std::string> texts;
  for (int i = 0; i < 5; ++i) texts.push_back(std::string(1'000, 'x') + std::to_string(i));
  for (const std::string& text : texts) {
    subnet.send_echo(compressed, text);
    subnet.send_echo(plain, text);
  }
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    EXPECT_EQ(subnet.messages(i, compressed, 5), texts);
    EXPECT_EQ(subnet.messages(i, plain, 5), texts);
  }
  EXPECT_EQ(subnet.heads(compressed).size(), 1u);
  // Of the two connections' sockets, one each.
  EXPECT_EQ(server.progress().get().offers, support::Subnet::kReplicas);
}

TEST(SubnetEcho, AFailedOpenIsAnAgreedTypedError) {
  const support::ReservedPort nobody;
  support::Subnet subnet;
  const uint64_t refused = subnet.open_echo("ws://127.0.0.1:" + std::to_string(nobody.number()) + "/");
  const uint64_t denied = subnet.open_echo("ws://10.0.0.1/");
  ASSERT_TRUE(subnet.wait_for(refused, [](const auto& view) { return view.state() == "closed"; }));
  ASSERT_TRUE(subnet.wait_for(denied, [](const auto& view) { return view.state() == "closed"; }));
  EXPECT_EQ(subnet.connection(2, refused)->cause(), "CONNECTION_REFUSED");
  EXPECT_EQ(subnet.connection(2, denied)->cause(), "ADDRESS_DENIED");
  EXPECT_EQ(subnet.heads(refused).size(), 1u);
}

TEST(SubnetEcho, ARestartedSubnetGoesOnWhereItWas) {
  support::Subnet subnet;
  ASSERT_TRUE(subnet.wait_for_height(5));
  support::ChildOptions again;
  again.program = support::built_program("icws-subnet");
  again.arguments = {"--directory", subnet.layout().directory.string()};

  support::ChildProcess second(again);
  const auto refused = second.wait_exit();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 4) << "two subnets on one directory";

  const uint64_t height = subnet.height(0);
  subnet.process().kill(SIGTERM);
  const auto ended = subnet.process().wait_exit();
  ASSERT_TRUE(ended);
  EXPECT_TRUE(ended->ok());
  support::ChildProcess third(again);
  ASSERT_TRUE(third.wait_for_output("subnet is up"));
  EXPECT_TRUE(subnet.wait_for_height(height + 3));
  third.kill(SIGTERM);
  const auto stopped = third.wait_exit();
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(stopped->ok());
}

}  // namespace
}  // namespace icws
