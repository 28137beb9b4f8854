// What a canister gets for bad arguments and from bad servers: one typed error with a sentence that helps,
// the same on all replicas; and the subnet goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <future>

#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/dns_server.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"
#include "tests/support/proxy_server.h"
#include "tests/support/reserved_port.h"

namespace icws {
namespace {

using support::Hostility;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const auto kOpen = [](const auto& view) { return view.state() == "open"; };
const auto kClosed = [](const auto& view) { return view.state() == "closed"; };

// The close as the canister recorded it.
struct Close {
  uint16_t code = 0;
  std::string cause;
  std::string message;
  uint64_t opened = 0;  // how often the connection was open before
};

Close close_of(support::Subnet& subnet, uint64_t id, size_t replica) {
  const auto reply = boost::json::parse(
      subnet.query("echo", "status", "{\"connection\": " + std::to_string(id) + "}", replica));
  const auto& connection = reply.at("connections").at(0);
  const auto& close = connection.at("close");
  return {close.at("code").to_number<uint16_t>(), std::string(close.at("cause").as_string()),
          std::string(close.at("message").as_string()), connection.at("opened").to_number<uint64_t>()};
}

// Waits for the close of connection `id` and checks that it is the same everywhere.
Close agreed_close(support::Subnet& subnet, uint64_t id) {
  if (!subnet.wait_for(id, kClosed)) {
    ADD_FAILURE() << "connection " << id << " did not close";
    return {};
  }
  EXPECT_EQ(subnet.heads(id).size(), 1u);
  // The canister is told in the block after that of the close at the latest.
  EXPECT_TRUE(subnet.wait_for_height(subnet.height(0) + 2));
  const Close first = close_of(subnet, id, 0);
  for (size_t i = 1; i < support::Subnet::kReplicas; ++i) {
    const Close other = close_of(subnet, id, i);
    EXPECT_EQ(std::tie(other.code, other.cause, other.message, other.opened),
              std::tie(first.code, first.cause, first.message, first.opened));
  }
  const auto transcript = subnet.transcript(2, id);
  EXPECT_EQ(transcript.back().closed().cause(), first.cause);
  EXPECT_EQ(transcript.back().closed().message(), first.message);
  return first;
}

support::EchoOptions tls_with(const support::CertificateAndKey& certificate) {
  support::EchoOptions out;
  out.server.tls = certificate;
  return out;
}

// What: one subnet for all tests of the suite, with a connection that lives through all of them.
class BadInputTest : public testing::Test {
 protected:
  struct Suite {
    support::TemporaryDirectory directory;
    support::CertificateAuthority trusted;
    support::EchoServer server;
    support::Subnet subnet{{"--ca-file", support::write_file(directory / "ca.pem", trusted.pem()).string()}};
    uint64_t steady = 0;
    size_t echoes = 0;
  };

  static void SetUpTestSuite() {
    suite_ = std::make_unique<Suite>();
    suite_->steady = subnet().open_echo(suite_->server.url());
    ASSERT_TRUE(subnet().wait_for(suite_->steady, kOpen));
  }
  static void TearDownTestSuite() { suite_.reset(); }
  static support::Subnet& subnet() { return suite_->subnet; }

  // Whatever happened, the subnet serves.
  void TearDown() override {
    subnet().send_echo(suite_->steady, "still here", suite_->echoes % support::Subnet::kReplicas);
    ++suite_->echoes;
    EXPECT_TRUE(subnet().wait_for(suite_->steady,
                                  [](const auto& view) { return view.messages() == suite_->echoes; }));
    EXPECT_EQ(subnet().heads(suite_->steady).size(), 1u);
  }

  // The message of a call that must be rejected.
  static std::string rejection_of(const std::string& arguments) {
    const auto answer = subnet().replica(1).call("echo", "open", arguments, Milliseconds(10'000));
    if (!answer) return "no answer: " + answer.error().error_message();
    return answer->ok() ? "not rejected: " + answer->reply() : answer->reply();
  }
  static void expect_failed_open(const std::string& url, const std::string& cause, const std::string& hint,
                                 const std::string& more = {}) {
    const Close close = agreed_close(subnet(), subnet().open_echo(url, more));
    EXPECT_EQ(close.cause, cause) << url;
    EXPECT_THAT(close.message, HasSubstr(hint));
    EXPECT_EQ(close.code, 1006u);
    EXPECT_EQ(close.opened, 0u) << url;
  }
  static void expect_closed(const std::string& url, const std::string& cause, uint16_t code,
                            const std::string& hint) {
    const Close close = agreed_close(subnet(), subnet().open_echo(url));
    EXPECT_EQ(close.cause, cause) << url;
    EXPECT_THAT(close.message, HasSubstr(hint));
    EXPECT_EQ(close.code, code) << url;
    EXPECT_EQ(close.opened, 1u) << url;
  }

  static std::unique_ptr<Suite> suite_;
};

std::unique_ptr<BadInputTest::Suite> BadInputTest::suite_;

TEST_F(BadInputTest, BadArgumentsAreRejectedAtOnceWithTheReason) {
  const auto invalid = [](const char* what) {
    return AllOf(StartsWith("INVALID_ARGUMENT: "), HasSubstr(what));
  };
  EXPECT_THAT(rejection_of(R"({"url": ""})"), invalid("the URL is empty"));
  EXPECT_THAT(rejection_of(R"({"url": "https://example.com/"})"), invalid("use wss://"));
  EXPECT_THAT(rejection_of(R"({"url": "ws://exa mple.com/"})"), invalid("is a blank"));
  EXPECT_THAT(rejection_of(R"({"url": "ws://127.0.0.1:99999/"})"), invalid("not a number from 1 to 65535"));
  EXPECT_THAT(rejection_of(R"({"url": "ws://127.1/"})"), invalid("not a plain IPv4 address"));
  EXPECT_THAT(rejection_of(R"({"url": "wss://user:secret@example.com/"})"),
              AllOf(invalid("user information"), Not(HasSubstr("secret"))));
  EXPECT_THAT(rejection_of(R"({"url": "ws://127.0.0.1/", "headers": {"X-Token": "a\r\nX-Evil: b"}})"),
              AllOf(invalid("X-Token"), HasSubstr("control byte"), Not(HasSubstr("\r"))));
  EXPECT_THAT(rejection_of(R"({"url": "ws://127.0.0.1/", "headers": {"Host": "other"}})"),
              invalid("belongs to the connection itself"));
  EXPECT_THAT(rejection_of(R"({"url": "ws://127.0.0.1/", "message_bytes_max": 2000001})"),
              invalid("message_bytes_max: must be 1 to 2000000"));
}

TEST_F(BadInputTest, APrivateAddressIsDenied) {
  for (const char* url : {"ws://10.0.0.1/", "ws://192.168.1.1:8080/", "wss://169.254.169.254/", "ws://[::1]/",
                          "ws://[::ffff:10.0.0.1]/"}) {
    expect_failed_open(url, "ADDRESS_DENIED", "globally reachable");
  }
}

TEST_F(BadInputTest, ARefusedConnection) {
  const support::ReservedPort nobody;
  expect_failed_open("ws://127.0.0.1:" + std::to_string(nobody.number()) + "/", "CONNECTION_REFUSED",
                     "check the port");
}

TEST_F(BadInputTest, ACertificateForAnotherName) {
  const support::EchoServer server(
      tls_with(suite_->trusted.issue({.dns_names = {"elsewhere.example"}, .ip_addresses = {}})));
  expect_failed_open(server.url(), "CERTIFICATE", "another name");
}

TEST_F(BadInputTest, ACertificateOfAnUnknownIssuer) {
  const support::CertificateAuthority stranger("a stranger");
  const support::EchoServer server(tls_with(stranger.localhost()));
  expect_failed_open(server.url(), "CERTIFICATE", "not trusted");
}

TEST_F(BadInputTest, AGoodCertificateOpens) {
  const support::EchoServer server(tls_with(suite_->trusted.localhost()));
  const uint64_t id = subnet().open_echo(server.url());
  ASSERT_TRUE(subnet().wait_for(id, kOpen));
  subnet().call("echo", "close", "{\"connection\": " + std::to_string(id) + "}");
  EXPECT_EQ(agreed_close(subnet(), id).cause, "CANISTER");
}

TEST_F(BadInputTest, AnythingButAWebSocketHandshake) {
  const support::HostileServer server;
  for (const Hostility hostility : {Hostility::kGarbage, Hostility::kForbidden, Hostility::kRedirect,
                                    Hostility::kWrongAcceptKey, Hostility::kEndlessHeaders}) {
    expect_failed_open(server.url(hostility), "HANDSHAKE", "did not answer with a WebSocket handshake");
  }
}

TEST_F(BadInputTest, ASilentServerTimesOut) {
  const support::HostileServer server;
  expect_failed_open(server.url(Hostility::kSilent), "TIMEOUT", "in time", ", \"open_timeout_ms\": 2000");
}

TEST_F(BadInputTest, AnOversizeMessage) {
  const support::HostileServer server;
  expect_closed(server.url(Hostility::kOversizeMessage), "MESSAGE_TOO_BIG", 1009, "limit");
}

TEST_F(BadInputTest, AMessageOverTheCanistersLimit) {
  const uint64_t id = subnet().open_echo(suite_->server.url(), ", \"message_bytes_max\": 1000");
  ASSERT_TRUE(subnet().wait_for(id, kOpen));
  subnet().send_echo(id, std::string(1000, 'x'));
  ASSERT_TRUE(subnet().wait_for(id, [](const auto& view) { return view.messages() == 1; }));
  subnet().send_echo(id, std::string(1001, 'x'));
  const Close close = agreed_close(subnet(), id);
  EXPECT_EQ(close.cause, "MESSAGE_TOO_BIG");
  EXPECT_EQ(close.code, 1009u);
}

TEST_F(BadInputTest, AMessageOverTheLimitAfterTheTransform) {
  const support::EchoServer server;
  const uint64_t id =
      subnet().open_echo(server.url(), ", \"mode\": \"feed\", \"json\": true, \"message_bytes_max\": 1000");
  ASSERT_TRUE(subnet().wait_for(id, kOpen));
  subnet().send_echo(id, std::string(1001, '7'));
  const Close close = agreed_close(subnet(), id);
  EXPECT_EQ(close.cause, "MESSAGE_TOO_BIG");
  EXPECT_EQ(close.code, 1009u);
  EXPECT_THAT(close.message, testing::HasSubstr("message_bytes_max"));
  // No replica keeps a socket of it.
  EXPECT_TRUE(server.progress().wait_until([](const auto& progress) { return progress.open == 0; }));
}

TEST_F(BadInputTest, InvalidUtf8) {
  const support::HostileServer server;
  expect_closed(server.url(Hostility::kInvalidUtf8), "INVALID_UTF8", 1007, "UTF-8");
  expect_closed(server.url(Hostility::kInvalidUtf8Fragmented), "INVALID_UTF8", 1007, "UTF-8");
}

TEST_F(BadInputTest, ABreachOfTheProtocol) {
  const support::HostileServer server;
  for (const Hostility hostility :
       {Hostility::kMaskedFrame, Hostility::kReservedBit, Hostility::kTextInFragments}) {
    expect_closed(server.url(hostility), "PROTOCOL", 1002, "protocol forbids");
  }
}

TEST(LoopbackDenied, NoConnectionIsEvenTried) {
  const support::EchoServer server;
  support::Subnet subnet({}, support::Loopback::kDenied);
  const std::string port = std::to_string(server.port());
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    const uint64_t id = subnet.open_echo("ws://" + host + ":" + port + "/");
    ASSERT_TRUE(subnet.wait_for(id, kClosed)) << host;
    EXPECT_EQ(subnet.heads(id).size(), 1u);
    EXPECT_EQ(close_of(subnet, id, 3).cause, "ADDRESS_DENIED") << host;
  }
  EXPECT_EQ(server.progress().get().accepted, 0u);
}

// What: a subnet whose adapters have settings of their own, and names that only their DNS server knows.
struct ConfiguredSubnet {
  explicit ConfiguredSubnet(const std::string& settings, std::vector<std::string> flags = {})
      : dns({{"echo.example", {{"127.0.0.1"}}, {}}}), subnet(with_settings(settings, std::move(flags))) {}

  std::vector<std::string> with_settings(const std::string& settings, std::vector<std::string> flags) const {
    const auto file = support::write_file(directory / "adapter.json",
                                          "{" + settings + "\"dns_servers\": [\"" + dns.address() + "\"]}");
    flags.insert(flags.end(), {"--adapter-config", file.string()});
    return flags;
  }
  void expect_failed_open(const std::string& url, const std::string& cause, const std::string& hint) {
    const Close close = agreed_close(subnet, subnet.open_echo(url));
    EXPECT_EQ(close.cause, cause) << url;
    EXPECT_THAT(close.message, HasSubstr(hint));
    EXPECT_EQ(close.code, 1006U);
    EXPECT_EQ(close.opened, 0U) << url;
  }

  support::TemporaryDirectory directory;
  support::DnsServer dns;
  support::Subnet subnet;
};

TEST(NodeLimits, MoreConnectionsThanTheOperatorsAllow) {
  const support::EchoServer first, second;
  ConfiguredSubnet at(R"("connections_per_canister_max": 3, "connections_per_destination_max": 2,)");
  at.subnet.open_echo_everywhere(first.url());
  at.subnet.open_echo_everywhere(first.url());
  at.expect_failed_open(first.url(), "LIMIT_EXCEEDED", "do not allow so many");
  at.subnet.open_echo_everywhere(second.url());
  at.expect_failed_open(second.url(), "LIMIT_EXCEEDED", "do not allow so many");
}

// The buckets hold two opens and get one a second.
TEST(NodeLimits, MoreOpensInASecondThanTheOperatorsAllow) {
  const support::EchoServer server;
  ConfiguredSubnet at(R"("opens_per_second_per_destination_max": 1, "open_wait": 1,)");
  std::vector<std::future<std::string>> calls;
  for (size_t i = 0; i < 2 * support::Subnet::kReplicas; ++i) {
    calls.push_back(std::async(std::launch::async, [&, i] {
      return at.subnet.call("echo", "open", "{\"url\": \"" + server.url() + "\"}",
                            i % support::Subnet::kReplicas);
    }));
  }
  for (auto& call : calls) EXPECT_THAT(call.get(), HasSubstr("connection"));
  size_t opened = 0, refused = 0;
  for (uint64_t id = 1; id <= calls.size(); ++id) {
    ASSERT_TRUE(at.subnet.wait_for(id, [](const auto& view) { return kOpen(view) || kClosed(view); }));
    if (kOpen(*at.subnet.connection(0, id))) {
      ++opened;
      continue;
    }
    ++refused;
    const Close close = agreed_close(at.subnet, id);
    EXPECT_EQ(close.cause, "LIMIT_EXCEEDED") << id;
    EXPECT_EQ(close.opened, 0U) << id;
  }
  EXPECT_GE(opened, 2U);
  EXPECT_GE(refused, 1U);
}

TEST(Names, OneThatDoesNotExist) {
  const support::EchoServer server;
  ConfiguredSubnet at("");
  const std::string port = ":" + std::to_string(server.port()) + "/";
  at.expect_failed_open("ws://nobody.example" + port, "NAME_RESOLUTION", "name");
  at.subnet.open_echo_everywhere("ws://echo.example" + port);
}

// Each replica has its adapter go through a proxy, which alone can look the name up.
TEST(Names, OneThatOnlyTheReplicasProxyKnows) {
  const support::EchoServer server;
  support::ProxyOptions options;
  options.names = {{"far.example:80", server.port()}};
  const support::ProxyServer proxy(options);
  std::vector<std::string> flags;
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    flags.insert(flags.end(), {"--replica-program", std::to_string(i) + "=" +
                                                        support::built_program("icws-replica").string() +
                                                        ",--proxy," + proxy.url()});
  }
  ConfiguredSubnet at("", flags);
  const uint64_t id = at.subnet.open_echo_everywhere("ws://far.example/");
  at.subnet.send_echo(id, "through");
  EXPECT_TRUE(at.subnet.wait_for(id, [](const auto& view) { return view.messages() == 1; }));
  EXPECT_EQ(at.subnet.heads(id).size(), 1U);
  EXPECT_EQ(proxy.progress().get().targets, std::vector<std::string>(4, "far.example:80"));
}

}  // namespace
}  // namespace icws
