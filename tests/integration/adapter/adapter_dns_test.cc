// Names: an adapter process with a DNS server that answers as told.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <set>
#include <system_error>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/black_hole.h"
#include "tests/support/dns_server.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"

namespace icws::adapter {
namespace {

using support::DnsAnswer;
using support::DnsServer;
using support::DnsZone;
using transcript::Cause;
using namespace std::chrono_literals;

using Clock = std::chrono::steady_clock;

DnsAnswer address(const std::string& text) { return {{text}}; }
DnsAnswer code(uint8_t value) {
  DnsAnswer out;
  out.code = value;
  return out;
}
DnsAnswer silence() {
  DnsAnswer out;
  out.silent = true;
  return out;
}

std::vector<std::string> with_dns(const DnsServer& dns, std::vector<std::string> further = {}) {
  further.insert(further.end(), {"--dns-server", dns.address(), "--open-retry-delay", "10"});
  return further;
}

std::string url_of(const std::string& name, const support::EchoServer& server) {
  return "ws://" + name + ":" + std::to_string(server.port()) + "/";
}

bool opens(Replica& replica, uint64_t connection, const std::string& url) {
  replica.open(socket_key(connection), url);
  const auto events = replica.wait_events(socket_key(connection), 1);
  return !events.empty() && std::holds_alternative<replica::SocketOpened>(events[0].what);
}

std::optional<replica::SocketOpenFailed> fails(Replica& replica, uint64_t connection,
                                               const std::string& url) {
  replica.open(socket_key(connection), url);
  return replica.wait_open_failed(socket_key(connection));
}

TEST(AdapterDns, ConnectsToWhatAServerAnswers) {
  support::EchoServer server;
  DnsAnswer forged = address("127.0.0.1");
  forged.forged_first = true;
  DnsServer dns({{"plain.example", address("127.0.0.1"), {}},
                 {"no-v6.example", address("127.0.0.1"), code(3)},
                 {"broken-v6.example", address("127.0.0.1"), code(2)},
                 {"silent-v6.example", address("127.0.0.1"), silence()},
                 {"forged.example", forged, {}}});
  AdapterProcess adapter(with_dns(dns));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  EXPECT_TRUE(opens(*replica, 1, url_of("plain.example", server)));
  EXPECT_TRUE(opens(*replica, 2, url_of("no-v6.example", server)));
  EXPECT_TRUE(opens(*replica, 3, url_of("broken-v6.example", server)));
  // 50 ms after the IPv4 answer, not at the end of dns_timeout.
  EXPECT_TRUE(opens(*replica, 4, url_of("silent-v6.example", server)));
  EXPECT_TRUE(opens(*replica, 5, url_of("forged.example", server)));
}

TEST(AdapterDns, TellsFailuresApart) {
  DnsServer dns({{"nothing.example", {}, {}},
                 {"broken.example", code(2), code(2)},
                 {"silent.example", silence(), silence()}});
  const auto cause = [&](const std::string& name, const std::vector<std::string>& further = {}) {
    auto arguments = with_dns(dns, further);
    arguments.insert(arguments.end(), {"--open-attempts-max", "1"});
    AdapterProcess adapter(arguments);
    auto replica = adapter.replica();
    EXPECT_TRUE(replica->wait_up());
    const auto failed = fails(*replica, 1, "ws://" + name + "/");
    EXPECT_TRUE(failed);
    return failed ? failed->cause : Cause::Server;
  };
  EXPECT_EQ(cause("unknown.example"), Cause::NameResolution);
  EXPECT_EQ(cause("nothing.example"), Cause::NameResolution);
  EXPECT_EQ(cause("broken.example"), Cause::NameResolution);
  EXPECT_EQ(cause("silent.example", {"--dns-timeout", "300"}), Cause::Timeout);
}

// DNS rebinding, and names that lead inside: each address is judged, whatever stands beside it.
TEST(AdapterDns, JudgesEveryAddress) {
  support::EchoServer server;
  DnsServer dns(
      {{"inside.example", {{"10.0.0.1", "169.254.169.254", "192.168.0.1"}}, {{"::1", "fd00:ec2::254"}}},
       {"mapped.example", {}, address("::ffff:10.0.0.1")},
       {"mixed.example", {{"10.0.0.1", "127.0.0.1"}}, address("fe80::1")}});
  AdapterProcess adapter(with_dns(dns));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto inside = fails(*replica, 1, url_of("inside.example", server));
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->cause, Cause::AddressDenied);
  EXPECT_NE(inside->detail.find("metadata service"), std::string::npos) << inside->detail;
  const auto mapped = fails(*replica, 2, url_of("mapped.example", server));
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->cause, Cause::AddressDenied);
  EXPECT_TRUE(opens(*replica, 3, url_of("mixed.example", server)));
}

// resolv.conf's search domains would let a stranger's URL reach an operator's own names.
TEST(AdapterDns, AsksForTheNameAlone) {
  DnsServer dns({});
  AdapterProcess adapter(with_dns(dns));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  EXPECT_TRUE(fails(*replica, 1, "ws://intranet/"));
  EXPECT_TRUE(fails(*replica, 2, "ws://api.example/"));
  std::set<std::string> asked;
  for (const auto& name : dns.progress().get().names) asked.insert(name);
  EXPECT_EQ(asked, (std::set<std::string>{"intranet", "api.example"}));
}

// Each look-up has a source port of its own (and one socket for each family would do as well).
TEST(AdapterDns, AsksFromManyPorts) {
  DnsServer dns({});
  AdapterProcess adapter(with_dns(dns, {"--opens-per-second-max", "1000"}));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  constexpr uint64_t kNames = 30;
  for (uint64_t i = 1; i <= kNames; ++i) {
    replica->open(socket_key(i), "ws://name" + std::to_string(i) + ".example/");
  }
  for (uint64_t i = 1; i <= kNames; ++i) EXPECT_TRUE(replica->wait_open_failed(socket_key(i)));
  const auto progress = dns.progress().get();
  EXPECT_EQ(progress.questions, 2 * kNames);
  EXPECT_GE(std::set<uint16_t>(progress.ports.begin(), progress.ports.end()).size(), kNames - 2);
}

// A hundred names that nobody answers, of one canister, do not hold up another's; nor the process's end.
TEST(AdapterDns, SlowNamesHoldUpNobody) {
  support::EchoServer server;
  DnsServer dns({{"slow.example", silence(), silence()}, {"fast.example", address("127.0.0.1"), {}}});
  AdapterProcess adapter(
      with_dns(dns, {"--dns-timeout", "20000", "--look-ups-max", "16", "--opens-per-second-max", "1000",
                     "--opens-per-second-per-canister-max", "1000", "--opens-per-second-per-destination-max",
                     "1000", "--metrics", "127.0.0.1:0"}));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  for (uint64_t i = 1; i <= 100; ++i) {
    replica->open(socket_key(i), "ws://slow.example/" + std::to_string(i),
                  [](auto& command) { command.canister = "slow"; });
  }
  // Four of sixteen have a turn.
  auto seen =
      adapter.wait_metrics([](MetricValues& values) { return values["icws_adapter_lookups"] == 100; });
  EXPECT_EQ(seen["icws_adapter_lookups"], 100);
  EXPECT_EQ(seen["icws_adapter_limits_passed_total{limit=\"look_ups_max\"}"], 96);
  const auto begun = Clock::now();
  replica->open(socket_key(1'000), url_of("fast.example", server),
                [](auto& command) { command.canister = "fast"; });
  EXPECT_EQ(replica->wait_count(socket_key(1'000), 1), 1U);
  EXPECT_LT(Clock::now() - begun, 10s);
  EXPECT_EQ(replica->heard().get().events.count(socket_key(1)), 0U);

  const auto stopping = Clock::now();
  adapter.process().kill(SIGTERM);
  const auto exit = adapter.process().wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 0);
  EXPECT_LT(Clock::now() - stopping, 10s);
}

// Happy Eyeballs: IPv6 comes first, is a black hole, and IPv4 wins a quarter of a second later.
TEST(AdapterDns, RacesFamilies) {
  support::EchoServer server;
  std::optional<support::BlackHole> hole;
  try {
    hole.emplace("::1", server.port());
  } catch (const std::system_error& error) {
    GTEST_SKIP() << "nothing to race against: " << error.what();
  }
  DnsServer dns({{"both.example", address("127.0.0.1"), address("::1")}});
  AdapterProcess adapter(with_dns(dns, {"--allow-network", "::1/128", "--connect-timeout", "15000"}));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto begun = Clock::now();
  EXPECT_TRUE(opens(*replica, 1, url_of("both.example", server)));
  const auto took = Clock::now() - begun;
  EXPECT_GE(took, 250ms);
  EXPECT_LT(took, 10s);
}

// IPv6 where nobody listens fails at once, and the next address does not wait for its turn.
TEST(AdapterDns, GoesOnWhenAnAddressRefuses) {
  support::EchoServer server;
  DnsServer dns({{"both.example", address("127.0.0.1"), address("::1")}});
  AdapterProcess adapter(with_dns(dns, {"--allow-network", "::1/128", "--metrics", "127.0.0.1:0"}));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  EXPECT_TRUE(opens(*replica, 1, url_of("both.example", server)));
  EXPECT_EQ(adapter.metrics()["icws_adapter_open_retries_total"], 0);
}

}  // namespace
}  // namespace icws::adapter
