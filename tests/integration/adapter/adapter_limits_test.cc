// What a canister may take of the node, and the node of a server.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/dns_server.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"

namespace icws::adapter {
namespace {

using transcript::Cause;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Scene {
  explicit Scene(std::vector<std::string> further) {
    further.insert(further.end(), {"--open-attempts-max", "1", "--metrics", "127.0.0.1:0"});
    adapter.emplace(further);
    replica = adapter->replica();
    EXPECT_TRUE(replica->wait_up());
  }

  replica::SocketKey open(const std::string& url, const std::string& canister = {}) {
    const auto key = socket_key(++connection);
    replica->open(key, url, [&](auto& command) { command.canister = canister; });
    return key;
  }
  bool opens(const std::string& url, const std::string& canister = {}) {
    const auto key = open(url, canister);
    const auto events = replica->wait_events(key, 1);
    return !events.empty() && std::holds_alternative<replica::SocketOpened>(events[0].what);
  }
  Cause fails(const std::string& url, const std::string& canister = {}) {
    const auto failed = replica->wait_open_failed(open(url, canister));
    return failed ? failed->cause : Cause::Server;
  }
  double passed(const std::string& limit) {
    return adapter->metrics()["icws_adapter_limits_passed_total{limit=\"" + limit + "\"}"];
  }

  std::optional<AdapterProcess> adapter;
  std::unique_ptr<Replica> replica;
  uint64_t connection = 0;
};

TEST(AdapterLimits, CountsACanistersConnections) {
  support::EchoServer server;
  Scene scene({"--connections-per-canister-max", "2"});
  EXPECT_TRUE(scene.opens(server.url(), "a"));
  EXPECT_TRUE(scene.opens(server.url(), "a"));
  const auto refused = scene.replica->wait_open_failed(scene.open(server.url(), "a"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->cause, Cause::LimitExceeded);
  EXPECT_NE(refused->detail.find("connections_per_canister_max"), std::string::npos) << refused->detail;
  EXPECT_EQ(scene.passed("connections_per_canister_max"), 1);
  // Another canister, and a replica that names none.
  EXPECT_TRUE(scene.opens(server.url(), "b"));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(scene.opens(server.url()));
  // An ended connection counts no more, even while the replica has not closed it.
  server.cut_all();
  scene.adapter->wait_metrics([](MetricValues& values) {
    return values["icws_adapter_connections{state=\"open\"}"] == 0 &&
           values["icws_adapter_connections{state=\"closing\"}"] == 0;
  });
  EXPECT_TRUE(scene.opens(server.url(), "a"));
}

// The interface's own limits, at their edges: beyond them the call is refused.
TEST(AdapterLimits, TakesIdsAndProxiesUpToTheirSizes) {
  support::EchoServer server;
  Scene scene({});
  const auto attempt = [&](size_t canister_bytes, size_t proxies, size_t proxy_bytes) {
    const auto key = socket_key(++scene.connection);
    scene.replica->open(key, server.url(), [&](auto& command) {
      command.canister = std::string(canister_bytes, 'c');
      std::string proxy = "http://proxy.example:1/";
      proxy.insert(7, std::string(proxy_bytes - proxy.size() - 3, 'u') + ":p@");
      command.proxies.assign(proxies, proxy);
    });
    const auto events = scene.replica->wait_events(key, 1);
    return !events.empty() && std::holds_alternative<replica::SocketOpened>(events[0].what);
  };
  EXPECT_TRUE(attempt(29, 16, 200));
  EXPECT_FALSE(attempt(30, 16, 200));
  EXPECT_FALSE(attempt(29, 17, 200));
  EXPECT_FALSE(attempt(29, 1, 513));
}

TEST(AdapterLimits, CountsConnectionsToADestination) {
  support::EchoServer server, other;
  Scene scene({"--connections-per-destination-max", "2"});
  EXPECT_TRUE(scene.opens(server.url(), "a"));
  EXPECT_TRUE(scene.opens(server.url(), "b"));
  EXPECT_EQ(scene.fails(server.url(), "c"), Cause::LimitExceeded);
  EXPECT_EQ(scene.passed("connections_per_destination_max"), 1);
  EXPECT_TRUE(scene.opens(other.url(), "c"));
}

// Many names for one server do not help.
TEST(AdapterLimits, CountsConnectionsToAnAddressByWhateverName) {
  support::EchoServer server;
  std::vector<support::DnsZone> zones;
  for (const char* name : {"a.example", "b.example", "c.example"})
    zones.push_back({name, {{"127.0.0.1"}}, {}});
  support::DnsServer dns(zones);
  Scene scene({"--connections-per-destination-max", "2", "--dns-server", dns.address()});
  const auto url = [&](const std::string& name) {
    return "ws://" + name + ".example:" + std::to_string(server.port()) + "/";
  };
  EXPECT_TRUE(scene.opens(url("a")));
  EXPECT_TRUE(scene.opens(url("b")));
  EXPECT_EQ(scene.fails(url("c")), Cause::LimitExceeded);
}

TEST(AdapterLimits, LetsOpensWaitForTheirTurn) {
  support::EchoServer server;
  Scene scene({"--opens-per-second-per-destination-max", "4", "--open-wait", "20000"});
  const auto begun = Clock::now();
  std::vector<replica::SocketKey> keys;
  for (int i = 0; i < 12; ++i) keys.push_back(scene.open(server.url()));
  for (const auto& key : keys) ASSERT_EQ(scene.replica->wait_count(key, 1), 1U);
  // Eight at once, four more in a second.
  EXPECT_GE(Clock::now() - begun, 900ms);
  EXPECT_TRUE(server.progress().wait_until([](const auto& progress) { return progress.accepted == 12; }));
}

TEST(AdapterLimits, RefusesOpensThatWouldWaitTooLong) {
  support::EchoServer server;
  Scene scene({"--opens-per-second-per-canister-max", "1", "--open-wait", "1"});
  EXPECT_TRUE(scene.opens(server.url(), "a"));
  EXPECT_TRUE(scene.opens(server.url(), "a"));
  // The burst is used up; a loaded machine may take longer than a second for the two.
  Cause cause = Cause::Server;
  for (int i = 0; i < 20 && cause != Cause::LimitExceeded; ++i) {
    const auto key = scene.open(server.url(), "a");
    const auto events = scene.replica->wait_events(key, 1);
    ASSERT_EQ(events.size(), 1U);
    if (const auto* failed = std::get_if<replica::SocketOpenFailed>(&events[0].what)) cause = failed->cause;
  }
  EXPECT_EQ(cause, Cause::LimitExceeded);
  EXPECT_GE(scene.passed("opens_per_second_per_canister_max"), 1);
  EXPECT_TRUE(scene.opens(server.url(), "b"));
}

// 1 MiB at 256 KiB/s: three seconds, less the last read, since the first 256 KiB are the burst. Nothing is
// lost, the connection stays, and another canister's is not touched.
TEST(AdapterLimits, PacesWhatACanisterReceives) {
  constexpr size_t kMessages = 16;
  support::HostileServer fast(std::nullopt, [](support::RawConnection& connection) {
    connection.accept_upgrade();
    const auto frame = Bytes("\x82\x7f\0\0\0\0\0\1\0\0", 10) + Bytes(65'536, 'x');
    for (size_t i = 0; i < kMessages; ++i) {
      if (!connection.send(frame)) return;
    }
    connection.wait_closed();
  });
  support::EchoServer echo;
  Scene scene({"--receive-bytes-per-second-per-canister-max", "262144", "--ping-after", "300",
               "--pong-timeout", "300", "--message-timeout", "1000"});
  const auto begun = Clock::now();
  const auto key = scene.open(fast.url() + "/", "greedy");
  ASSERT_GE(scene.replica->wait_count(key, 2), 2U);
  const auto other = scene.open(echo.url(), "modest");
  scene.replica->send(other, 1, "hello");
  ASSERT_GE(scene.replica->wait_count(other, 2), 2U);
  EXPECT_LT(scene.replica->heard().get().events[key].size(), kMessages + 1) << "nothing was paced";
  ASSERT_EQ(scene.replica->wait_count(key, kMessages + 1), kMessages + 1);
  EXPECT_GE(Clock::now() - begun, 1'500ms);
  EXPECT_LT(Clock::now() - begun, 15s);
  EXPECT_GE(scene.passed("receive_bytes_per_second_per_canister_max"), 2);
}

}  // namespace
}  // namespace icws::adapter
