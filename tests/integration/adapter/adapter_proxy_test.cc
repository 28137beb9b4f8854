// Proxies: an adapter process, proxies of ours that behave as told, and two of others.
#include <gtest/gtest.h>

#include <optional>
#include <tuple>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/child_process.h"
#include "tests/support/dns_server.h"
#include "tests/support/echo_server.h"
#include "tests/support/proxy_server.h"
#include "tests/support/reserved_port.h"
#include "tests/support/test_certificates.h"

namespace icws::adapter {
namespace {

using support::ProxyConduct;
using support::ProxyOptions;
using support::ProxyServer;
using transcript::Cause;

// A name that only proxies know, at the usual ports.
constexpr const char* kName = "far.example";

ProxyOptions honest(bool socks, const support::EchoServer& server) {
  ProxyOptions out;
  out.socks = socks;
  out.names = {{"far.example:80", server.port()}, {"far.example:443", server.port()}};
  return out;
}

// What: an adapter whose DNS knows no name.
struct Scene {
  explicit Scene(std::vector<std::string> further = {}) : dns({}) {
    further.insert(further.end(),
                   {"--dns-server", dns.address(), "--open-attempts-max", "1", "--open-retry-delay", "10"});
    adapter.emplace(further);
    replica = adapter->replica();
    EXPECT_TRUE(replica->wait_up());
  }

  bool echoes(const std::string& url, const std::vector<std::string>& proxies = {}) {
    const auto key = socket_key(++connection);
    replica->open(key, url, [&](auto& command) { command.proxies = proxies; });
    replica->send(key, 1, "through");
    const auto events = replica->wait_events(key, 2);
    return events.size() == 2 && content(events[1]) == "through";
  }

  replica::SocketOpenFailed fails(const std::string& url, const std::vector<std::string>& proxies = {}) {
    const auto key = socket_key(++connection);
    replica->open(key, url, [&](auto& command) { command.proxies = proxies; });
    return replica->wait_open_failed(key).value_or(replica::SocketOpenFailed{Cause::Server, "it opened"});
  }

  support::DnsServer dns;
  std::optional<AdapterProcess> adapter;
  std::unique_ptr<Replica> replica;
  uint64_t connection = 0;
};

class AdapterProxy : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Kinds, AdapterProxy, testing::Bool(),
                         [](const auto& info) { return info.param ? "Socks5" : "Connect"; });

TEST_P(AdapterProxy, ReachesANameThatOnlyTheProxyKnows) {
  support::EchoServer server;
  const ProxyServer proxy(honest(GetParam(), server));
  Scene scene({"--proxy", proxy.url()});
  EXPECT_TRUE(scene.echoes("ws://far.example/"));
  EXPECT_EQ(proxy.progress().get().targets, std::vector<std::string>{"far.example:80"});
}

TEST_P(AdapterProxy, SpeaksTlsWithTheServerItself) {
  support::CertificateAuthority authority;
  support::TemporaryDirectory directory;
  support::LeafOptions leaf;
  leaf.dns_names = {kName};
  support::EchoOptions options;
  options.server.tls = authority.issue(leaf);
  support::EchoServer server(options);
  const ProxyServer proxy(honest(GetParam(), server));
  Scene scene({"--proxy", proxy.url(), "--ca-file", support::write_file(directory / "ca", authority.pem())});
  EXPECT_TRUE(scene.echoes("wss://far.example/"));
}

TEST_P(AdapterProxy, FailsForACertificateOfAnotherName) {
  support::CertificateAuthority authority;
  support::TemporaryDirectory directory;
  support::EchoOptions options;
  options.server.tls = authority.localhost();
  support::EchoServer server(options);
  const ProxyServer proxy(honest(GetParam(), server));
  Scene scene({"--proxy", proxy.url(), "--ca-file", support::write_file(directory / "ca", authority.pem())});
  EXPECT_EQ(scene.fails("wss://far.example/").cause, Cause::Certificate);
}

TEST_P(AdapterProxy, LogsIn) {
  support::EchoServer server;
  auto options = honest(GetParam(), server);
  options.user = "me";
  options.password = "secret";
  const ProxyServer proxy(options);
  Scene scene({"--proxy", proxy.url()});
  EXPECT_TRUE(scene.echoes("ws://far.example/"));
  Scene stranger({"--proxy", (GetParam() ? "socks5h://127.0.0.1:" : "http://127.0.0.1:") +
                                 std::to_string(proxy.port())});
  const auto failed = stranger.fails("ws://far.example/");
  EXPECT_EQ(failed.cause, Cause::NameResolution);
  EXPECT_EQ(failed.detail.find("secret"), std::string::npos);
}

TEST_P(AdapterProxy, GoesDirectlyWhereItCan) {
  support::EchoServer server;
  const ProxyServer proxy(honest(GetParam(), server));
  Scene scene({"--proxy", proxy.url()});
  EXPECT_TRUE(scene.echoes(server.url()));
  EXPECT_EQ(proxy.progress().get().accepted, 0U);
}

// Two are tried, in random order; whoever of the rest would have worked is not asked.
TEST_P(AdapterProxy, TriesTwoAtMost) {
  support::EchoServer server;
  std::vector<std::unique_ptr<ProxyServer>> proxies;
  std::vector<std::string> arguments;
  for (int i = 0; i < 5; ++i) {
    auto options = honest(GetParam(), server);
    options.conduct = ProxyConduct::kUnreachable;
    proxies.push_back(std::make_unique<ProxyServer>(options));
    arguments.insert(arguments.end(), {"--proxy", proxies.back()->url()});
  }
  Scene scene(arguments);
  EXPECT_EQ(scene.fails("ws://far.example/").cause, Cause::NameResolution);
  size_t asked = 0;
  for (const auto& proxy : proxies) asked += proxy->progress().get().accepted;
  EXPECT_EQ(asked, 2U);
}

TEST_P(AdapterProxy, TakesTheNextWhenOneFails) {
  support::EchoServer server;
  const ProxyServer good(honest(GetParam(), server));
  auto options = honest(GetParam(), server);
  options.conduct = ProxyConduct::kRefuses;
  const ProxyServer bad(options);
  Scene scene({"--proxy", good.url(), "--proxy", bad.url()});
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(scene.echoes("ws://far.example/"));
}

TEST_P(AdapterProxy, UsesTheRequestsProxies) {
  support::EchoServer server;
  const ProxyServer proxy(honest(GetParam(), server));
  Scene scene;
  EXPECT_TRUE(scene.echoes("ws://far.example/", {proxy.url()}));
  EXPECT_EQ(scene.fails("ws://far.example/", {"ftp://127.0.0.1:1"}).cause, Cause::InvalidRequest);
}

// The operator's proxy may stand where the policy lets nobody; a request's proxy may not.
TEST_P(AdapterProxy, JudgesARequestsProxyAndTrustsTheOperators) {
  support::EchoServer server;
  auto options = honest(GetParam(), server);
  options.listen = "127.0.0.2";
  const ProxyServer proxy(options);
  Scene requested({"--deny-network", "127.0.0.2/32"});
  const auto denied = requested.fails("ws://far.example/", {proxy.url()});
  EXPECT_EQ(denied.cause, Cause::NameResolution);
  EXPECT_NE(denied.detail.find("denies the proxy"), std::string::npos) << denied.detail;
  EXPECT_EQ(proxy.progress().get().accepted, 0U);
  Scene configured({"--deny-network", "127.0.0.2/32", "--proxy", proxy.url()});
  EXPECT_TRUE(configured.echoes("ws://far.example/"));
}

// What the policy denies is denied before any proxy hears of it.
TEST_P(AdapterProxy, IsNoWayAroundThePolicy) {
  support::EchoServer server;
  auto options = honest(GetParam(), server);
  options.names["metadata.google.internal:80"] = server.port();
  options.names["denied.example:80"] = server.port();
  const ProxyServer proxy(options);
  Scene scene({"--proxy", proxy.url(), "--deny-name", "denied.example"});
  EXPECT_EQ(scene.fails("ws://10.0.0.1/").cause, Cause::AddressDenied);
  EXPECT_EQ(scene.fails("ws://far.example:25/").cause, Cause::AddressDenied);
  EXPECT_EQ(scene.fails("ws://denied.example/").cause, Cause::AddressDenied);
  const auto local = scene.fails("ws://metadata.google.internal/");
  EXPECT_EQ(local.cause, Cause::NameResolution);
  EXPECT_NE(local.detail.find("local name"), std::string::npos) << local.detail;
  EXPECT_EQ(proxy.progress().get().accepted, 0U);
}

struct HostileProxy {
  ProxyConduct conduct;
  const char* told;
};

class AdapterHostileProxy : public testing::TestWithParam<std::tuple<bool, HostileProxy>> {};
INSTANTIATE_TEST_SUITE_P(
    All, AdapterHostileProxy,
    testing::Combine(testing::Bool(),
                     testing::Values(HostileProxy{ProxyConduct::kSilent, "took too long"},
                                     HostileProxy{ProxyConduct::kGarbage, "is not"},
                                     HostileProxy{ProxyConduct::kRefuses, ""},
                                     HostileProxy{ProxyConduct::kUnreachable, ""},
                                     HostileProxy{ProxyConduct::kSpeaksBehind, "bytes behind"},
                                     HostileProxy{ProxyConduct::kEndless, ""},
                                     HostileProxy{ProxyConduct::kEndsEarly, "ended"})));

// Within its deadline, with the direct way's cause and the proxy's failure beside it; and the adapter lives.
TEST_P(AdapterHostileProxy, IsAFailedWay) {
  const auto [socks, hostile] = GetParam();
  support::EchoServer server;
  auto options = honest(socks, server);
  options.conduct = hostile.conduct;
  const ProxyServer proxy(options);
  // The silent one alone reaches it.
  const bool silent = hostile.conduct == ProxyConduct::kSilent;
  Scene scene({"--proxy", proxy.url(), "--proxy-timeout", silent ? "300" : "20000"});
  const auto failed = scene.fails("ws://far.example/");
  EXPECT_EQ(failed.cause, Cause::NameResolution);
  EXPECT_NE(failed.detail.find(proxy.url()), std::string::npos) << failed.detail;
  EXPECT_NE(failed.detail.find(hostile.told), std::string::npos) << failed.detail;
  EXPECT_TRUE(scene.echoes(server.url()));
}

TEST_P(AdapterProxy, MayAnswerByteByByte) {
  support::EchoServer server;
  auto options = honest(GetParam(), server);
  options.conduct = ProxyConduct::kByteByByte;
  const ProxyServer proxy(options);
  Scene scene({"--proxy", proxy.url()});
  EXPECT_TRUE(scene.echoes("ws://far.example/"));
}

// --- Proxies of others, in a mount namespace whose /etc/hosts has the name that the adapter cannot look up.

struct Foreign {
  const char* program;
  const char* scheme;
  // The command line, with the port behind it or in a file.
  std::string (*command)(uint16_t port, const support::TemporaryDirectory& directory);
};

std::string microsocks(uint16_t port, const support::TemporaryDirectory&) {
  return "microsocks -i 127.0.0.1 -p " + std::to_string(port);
}

std::string tinyproxy(uint16_t port, const support::TemporaryDirectory& directory) {
  const auto file = support::write_file(
      directory / "tinyproxy.conf",
      "Port " + std::to_string(port) + "\nListen 127.0.0.1\nTimeout 60\nMaxClients 10\nAllow 127.0.0.1\n");
  return "tinyproxy -d -c " + file.string();
}

class AdapterForeignProxy : public testing::TestWithParam<Foreign> {};
INSTANTIATE_TEST_SUITE_P(Programs, AdapterForeignProxy,
                         testing::Values(Foreign{"microsocks", "socks5h", microsocks},
                                         Foreign{"tinyproxy", "http", tinyproxy}),
                         [](const auto& info) { return info.param.program; });

TEST_P(AdapterForeignProxy, CarriesTlsToTheServer) {
  const auto& [program, scheme, command] = GetParam();
  const support::TemporaryDirectory directory;
  const auto hosts = support::write_file(directory / "hosts", "127.0.0.1 localhost far.example\n");
  const auto in_namespace = [&](const std::string& what) {
    return support::ChildOptions{
        "unshare",
        {"-rm", "sh", "-c", "mount --bind " + hosts.string() + " /etc/hosts && exec " + what},
        {},
        {}};
  };
  support::ChildProcess probe(in_namespace("sh -c 'command -v " + std::string(program) + "'"));
  if (const auto exit = probe.wait_exit(); !exit || !exit->ok()) {
    GTEST_SKIP() << program
                 << " is not installed (scripts/install-deps), or there are no mount namespaces here: "
                 << probe.errors();
  }
  support::CertificateAuthority authority;
  support::LeafOptions leaf;
  leaf.dns_names = {kName};
  support::EchoOptions options;
  options.server.tls = authority.issue(leaf);
  support::EchoServer server(options);
  // A failure that may pass: the adapter tries until the proxy listens.
  support::DnsAnswer later;
  later.code = 2;
  support::DnsServer dns({{kName, later, later}});
  uint16_t port = 0;
  {
    const support::ReservedPort free;
    port = free.number();
  }
  support::ChildProcess proxy(in_namespace(command(port, directory)));
  AdapterProcess adapter({"--dns-server", dns.address(), "--open-attempts-max", "100", "--open-retry-delay",
                          "20", "--ca-file", support::write_file(directory / "ca", authority.pem()),
                          "--proxy", std::string(scheme) + "://127.0.0.1:" + std::to_string(port)});
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto key = socket_key(1);
  replica->open(key, "wss://far.example:" + std::to_string(server.port()) + "/");
  replica->send(key, 1, "through");
  const auto events = replica->wait_events(key, 2);
  ASSERT_EQ(events.size(), 2U) << proxy.errors() << proxy.output();
  EXPECT_EQ(content(events[1]), "through");
}

}  // namespace
}  // namespace icws::adapter
