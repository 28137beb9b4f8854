#include "tests/support/chaos_proxy.h"

#include <gmock/gmock.h>

#include "tests/support/hostile_server.h"
#include "tests/support/reserved_port.h"
#include "tests/support_test/raw_client.h"

namespace icws::support {
namespace {

constexpr const char* kRequest = "GET / HTTP/1.1\r\n\r\n";

// Returns every byte to its sender, the request's first.
void echo(RawConnection& connection) {
  bool going_on = connection.send(connection.request());
  while (going_on) {
    const Bytes bytes = connection.read_some();
    going_on = !bytes.empty() && connection.send(bytes);
  }
}

class ChaosProxyTest : public testing::Test {
 protected:
  // After this, what the client sends comes back.
  void greet(RawClient& client) {
    client.send(kRequest);
    const size_t size = BytesView(kRequest).size();
    ASSERT_EQ(client.read(size), kRequest);
    // The proxy counts after it has forwarded: without this, the counters may still move.
    ASSERT_TRUE(proxy_.progress().wait_until(
        [&](const auto& p) { return p.to_server_bytes >= size && p.to_client_bytes >= size; }));
  }

  HostileServer server_{std::nullopt, echo};
  ChaosProxy proxy_{server_.port()};
};

TEST_F(ChaosProxyTest, ForwardsBothWays) {
  RawClient client(proxy_.port());
  greet(client);
  client.send(Bytes(100'000, 'x'));
  EXPECT_EQ(client.read(100'000), Bytes(100'000, 'x'));
  EXPECT_TRUE(
      proxy_.progress().wait_until([](const auto& p) { return p.to_client_bytes == p.to_server_bytes; }));
}

TEST_F(ChaosProxyTest, HoldsBackWhileStalledAndLosesNothing) {
  RawClient client(proxy_.port());
  greet(client);
  proxy_.stall(Direction::kToClient);
  const auto before = proxy_.progress().get();
  client.send("held back");
  ASSERT_TRUE(proxy_.progress().wait_until(
      [&](const auto& p) { return p.to_server_bytes == before.to_server_bytes + 9; }));
  EXPECT_EQ(proxy_.progress().get().to_client_bytes, before.to_client_bytes);
  EXPECT_EQ(proxy_.progress().get().open, 1u);
  proxy_.resume();
  EXPECT_EQ(client.read(9), "held back");
}

TEST_F(ChaosProxyTest, DelaysAndKeepsTheOrder) {
  proxy_.set_delay(Direction::kToServer, std::chrono::milliseconds(30));
  RawClient client(proxy_.port());
  greet(client);
  client.send("one");
  proxy_.set_delay(Direction::kToServer, std::chrono::milliseconds(0));
  client.send("two");
  EXPECT_EQ(client.read(6), "onetwo");
}

TEST_F(ChaosProxyTest, CutsWithFin) {
  RawClient client(proxy_.port());
  greet(client);
  proxy_.cut();
  EXPECT_EQ(client.read_some(), "");
  EXPECT_EQ(client.error(), 0);
}

TEST_F(ChaosProxyTest, ResetsWithRst) {
  RawClient client(proxy_.port());
  greet(client);
  proxy_.reset();
  EXPECT_EQ(client.read_some(), "");
  EXPECT_EQ(client.error(), ECONNRESET);
  EXPECT_EQ(proxy_.progress().get().open, 0u);
}

TEST_F(ChaosProxyTest, RefusesAndForgives) {
  proxy_.refuse(true);
  RawClient refused(proxy_.port());
  EXPECT_EQ(refused.read_some(), "");
  proxy_.refuse(false);
  RawClient client(proxy_.port());
  greet(client);
}

TEST(ReservedPort, RefusesConnections) {
  const ReservedPort port;
  EXPECT_THROW(RawClient client(port.number()), std::system_error);
}

}  // namespace
}  // namespace icws::support
