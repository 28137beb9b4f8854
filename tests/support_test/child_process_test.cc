#include "tests/support/child_process.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_directory.h"
#include "tests/support_test/beast_client.h"

namespace icws::support {
namespace {

ChildOptions shell(const std::string& script) {
  ChildOptions options;
  options.program = "sh";
  options.arguments = {"-c", script};
  return options;
}

TEST(ChildProcess, CollectsOutputErrorsAndStatus) {
  auto options = shell("echo $GREETING; pwd; echo bad >&2; exit 3");
  const TemporaryDirectory folder;
  options.environment["GREETING"] = "hello";
  options.working_directory = folder.path();
  ChildProcess child(options);
  const auto exit = child.wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 3);
  EXPECT_EQ(child.output(), "hello\n" + folder.path().string() + "\n");
  EXPECT_EQ(child.errors(), "bad\n");
}

TEST(ChildProcess, ReportsTheSignalThatEndedIt) {
  ChildProcess child(shell("echo ready; exec sleep 1000"));
  ASSERT_EQ(child.wait_for_output("ready"), "ready");
  EXPECT_EQ(child.wait_exit(std::chrono::milliseconds(1)), std::nullopt);
  child.kill(SIGTERM);
  const auto exit = child.wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGTERM);
  child.kill();  // no longer has an effect on anyone
}

TEST(ChildProcess, ThrowsIfTheProgramIsNotThere) {
  ChildOptions options;
  options.program = "/nowhere/at-all";
  EXPECT_THROW(ChildProcess child(options), std::system_error);
}

TEST(ChildProcess, StopsWaitingForALineWhenTheProcessEnds) {
  ChildProcess child(shell("echo no"));
  EXPECT_EQ(child.wait_for_output("yes"), std::nullopt);
}

TEST(ExchangeProgram, ServesAndEndsOnSigterm) {
  ChildOptions options;
  options.program = built_program("icws-exchange");
  options.arguments = {"--synthetic", "3", "--speed", "0", "--subscriptions", "1"};
  ChildProcess exchange(options);
  const auto port = wait_for_port(exchange);
  ASSERT_TRUE(port) << exchange.errors();
  BeastClient client(*port, "/");
  client.send("subscribe");
  EXPECT_EQ(client.read(), R"({"jsonrpc":"2.0","result":true,"id":"SYN.ws.1"})");
  exchange.kill(SIGTERM);
  const auto exit = exchange.wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->ok());
}

TEST(ExchangeProgram, RefusesWhatItDoesNotUnderstand) {
  ChildOptions options;
  options.program = built_program("icws-exchange");
  options.arguments = {"--speed", "fast"};
  ChildProcess exchange(options);
  const auto exit = exchange.wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 2);
  EXPECT_THAT(exchange.errors(), testing::HasSubstr("cannot use --speed"));
}

TEST(EchoPeer, EchoesAndEndsOnSigterm) {
  ChildOptions options;
  options.program = "/usr/bin/python3";
  options.arguments = {source_file("tests/support/echo_peer.py").string()};
  ChildProcess peer(options);
  const auto port = wait_for_port(peer);
  ASSERT_TRUE(port) << peer.errors();
  BeastClient client(*port, "/");
  client.send("hello");
  EXPECT_EQ(client.read(), "hello");
  peer.kill(SIGTERM);
  EXPECT_EQ(client.read(), std::nullopt);
  const auto exit = peer.wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_TRUE(exit->ok()) << peer.errors();
}

}  // namespace
}  // namespace icws::support
