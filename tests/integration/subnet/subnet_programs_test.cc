// The command lines: what they print and how they end.
#include <gtest/gtest.h>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/notify_socket.h"

namespace icws {
namespace {

struct Result {
  int status = -1;
  std::string output;
  std::string errors;
};

Result run(const char* program, std::vector<std::string> arguments) {
  support::ChildOptions options;
  options.program = support::built_program(program);
  options.arguments = std::move(arguments);
  support::ChildProcess child(std::move(options));
  const auto exit = child.wait_exit();
  return {exit ? exit->status.value_or(-1) : -1, child.output(), child.errors()};
}

TEST(Programs, HelpIsNoError) {
  for (const char* program : {"icws-subnet", "icws-replica", "icwsctl"}) {
    const Result result = run(program, {"--help"});
    EXPECT_EQ(result.status, 0) << program;
    EXPECT_NE(result.output.find("Usage"), std::string::npos) << program;
  }
}

TEST(Programs, WrongUsageIsStatusTwo) {
  EXPECT_EQ(run("icws-subnet", {"--replicas", "0"}).status, 2);
  EXPECT_EQ(run("icws-subnet", {"--no-such-flag"}).status, 2);
  EXPECT_EQ(run("icws-replica", {}).status, 2);
  EXPECT_EQ(run("icwsctl", {"status"}).status, 2);
  const Result both = run("icws-subnet", {"--canisters", "nobody", "--replica-program", "9=x"});
  EXPECT_EQ(both.status, 2);
  EXPECT_NE(both.errors.find("nobody"), std::string::npos) << both.errors;
  EXPECT_NE(both.errors.find("there is no replica 9"), std::string::npos) << both.errors;
}

// All at once, and without what may hold a password.
TEST(Programs, AReplicaRefusesProxiesThatItsAdapterWould) {
  const support::TemporaryDirectory directory;
  const auto cluster = support::write_file(directory / "cluster.json", "{}").string();
  std::vector<std::string> arguments{
      "--index",   "0",     "--state-dir", "s", "--socket", "s",       "--adapter-socket", "a",
      "--cluster", cluster, "--key",       "k", "--proxy",  "ftp://a", "--proxy",          "http://b:1"};
  arguments.insert(arguments.end(), {"--proxy", "socks5h://me:secret@c"});
  arguments.insert(arguments.end(), {"--proxy", "http://" + std::string(512, 'd') + ":1"});
  const Result some = run("icws-replica", arguments);
  EXPECT_EQ(some.status, 2);
  EXPECT_NE(some.errors.find("--proxy, number 1: a proxy must begin with"), std::string::npos) << some.errors;
  EXPECT_EQ(some.errors.find("--proxy, number 2"), std::string::npos) << some.errors;
  EXPECT_NE(some.errors.find("--proxy, number 3: a proxy is written like"), std::string::npos) << some.errors;
  EXPECT_EQ(some.errors.find("secret"), std::string::npos) << some.errors;
  EXPECT_NE(some.errors.find("--proxy, number 4: at most 512 bytes"), std::string::npos) << some.errors;
  EXPECT_EQ(some.errors.find("--proxy: at most 16"), std::string::npos) << some.errors;
  for (int i = 0; i < 13; ++i) arguments.insert(arguments.end(), {"--proxy", "http://b:1"});
  EXPECT_NE(run("icws-replica", arguments).errors.find("--proxy: at most 16"), std::string::npos);
}

TEST(Programs, ASubnetLeavesAForeignDirectoryAlone) {
  const support::TemporaryDirectory foreign;
  support::write_file(foreign / "letter", "not ours");
  std::filesystem::permissions(foreign.path(), std::filesystem::perms(0755));
  const Result refused = run("icws-subnet", {"--directory", foreign.path().string()});
  EXPECT_NE(refused.status, 0);
  EXPECT_NE(refused.errors.find("letter"), std::string::npos) << refused.errors;
  EXPECT_EQ(std::filesystem::status(foreign.path()).permissions(), std::filesystem::perms(0755));
}

TEST(Programs, AnInterruptedFirstStartIsNoHindrance) {
  const support::TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "replica-0");
  support::write_file(directory / "replica-0" / "key", "half a k");
  EXPECT_EQ(run("icws-subnet", {"--directory", directory.path().string(), "--run-for", "1"}).status, 0);
}

TEST(Programs, AReplicaTellsSystemdWhenItIsReady) {
  const support::TemporaryDirectory directory;
  const Result key = run("icws-setup", {"key", directory / "key"});
  ASSERT_EQ(key.status, 0) << key.errors;
  const std::string public_key = key.output.substr(0, key.output.find('\n'));
  const Result cluster = run("icws-setup", {"cluster", "--chain-id", "alone", public_key});
  ASSERT_EQ(cluster.status, 0) << cluster.errors;
  support::write_file(directory / "cluster.json", cluster.output);
  const support::NotifySocket systemd;
  support::ChildProcess replica({support::built_program("icws-replica"),
                                 {"--index", "0", "--state-dir", directory / "state", "--socket",
                                  directory / "replica.sock", "--adapter-socket", directory / "adapter.sock",
                                  "--cluster", directory / "cluster.json", "--key", directory / "key"},
                                 {{"NOTIFY_SOCKET", systemd.path()}},
                                 {}});
  EXPECT_TRUE(systemd.wait("READY=1"));
  EXPECT_TRUE(std::filesystem::exists(directory / "replica.sock"));
  replica.kill(SIGTERM);
  EXPECT_TRUE(systemd.wait("STOPPING=1"));
  const auto exit = replica.wait_exit();
  EXPECT_TRUE(exit && exit->ok());
}

TEST(Programs, ControlSaysThatNobodyAnswers) {
  const Result result = run("icwsctl", {"--socket", "/nonexistent.sock", "--timeout", "2", "status"});
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.errors.find("cannot reach"), std::string::npos) << result.errors;
}

TEST(Programs, ControlTalksToARunningSubnet) {
  support::EchoServer server;
  support::Subnet subnet;
  const auto control = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"--directory", subnet.layout().directory.string(), "--replica", "2"});
    return run("icwsctl", std::move(arguments));
  };
  EXPECT_NE(control({"status"}).output.find("2 of 4"), std::string::npos);
  const Result opened = control({"call", "echo", "open", "{\"url\": \"" + server.url() + "\"}"});
  EXPECT_EQ(opened.status, 0) << opened.errors;
  EXPECT_NE(opened.output.find("{\"connection\":1}"), std::string::npos) << opened.output;
  ASSERT_TRUE(subnet.wait_for(1, [](const auto& view) { return view.state() == "open"; }));
  EXPECT_NE(control({"connections"}).output.find(server.url()), std::string::npos);
  EXPECT_EQ(control({"call", "echo", "send", R"({"connection": 1, "text": "hello"})"}).status, 0);
  const Result followed = control({"transcript", "follow", "1", "--count", "2"});
  EXPECT_EQ(followed.status, 0);
  EXPECT_NE(followed.output.find("opened"), std::string::npos) << followed.output;
  EXPECT_NE(followed.output.find("hello"), std::string::npos) << followed.output;
  const Result rejected = control({"call", "echo", "no-such-method"});
  EXPECT_EQ(rejected.status, 1);
  EXPECT_NE(rejected.errors.find("rejected"), std::string::npos);
  EXPECT_EQ(control({"transcript", "follow", "99"}).status, 2);
}

}  // namespace
}  // namespace icws
