#include <gmock/gmock.h>

#include "tests/support/echo_server.h"
#include "tests/support/replay_server.h"
#include "tests/support_test/beast_client.h"

namespace icws::support {
namespace {

// Streams small enough to count: stream i holds "i:0" .. "i:9", a second apart, after two subscriptions.
std::vector<RecordedStream> numbered_streams(size_t count) {
  std::vector<RecordedStream> streams(count);
  for (size_t i = 0; i < count; ++i) {
    streams[i].subscriptions = {"a", "b"};
    for (size_t k = 0; k < 10; ++k) {
      streams[i].messages.push_back(
          {static_cast<int64_t>(k) * 1'000'000, std::to_string(i) + ":" + std::to_string(k)});
    }
  }
  return streams;
}

void subscribe(BeastClient& client, size_t count) {
  for (size_t i = 0; i < count; ++i) client.send("subscribe");
}

std::vector<Bytes> read_messages(BeastClient& client, size_t count) {
  std::vector<Bytes> out;
  while (out.size() < count) {
    auto message = client.read();
    if (!message) break;
    out.push_back(std::move(*message));
  }
  return out;
}

std::vector<Bytes> texts(const RecordedStream& stream) {
  std::vector<Bytes> out;
  for (const auto& message : stream.messages) out.push_back(message.text);
  return out;
}

TEST(ReplayServer, ServesAnotherStreamToEachOfFourClients) {
  const Feed feed = load_feed();
  std::printf("feed: %s\n", feed.origin.c_str());
  const ReplayServer server(feed.streams, {});
  std::vector<std::unique_ptr<BeastClient>> clients;
  for (size_t i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<BeastClient>(server.port(), "/"));
    ASSERT_TRUE(server.progress().wait_until([&](const auto& p) { return p.open == i + 1; }));
  }
  for (size_t i = 0; i < 4; ++i) {
    subscribe(*clients[i], feed.streams[i].subscriptions.size());
    EXPECT_EQ(read_messages(*clients[i], 800), texts(feed.streams[i]));
  }
  EXPECT_TRUE(server.wait_served(4, 800));
}

TEST(ReplayServer, WaitsForTheSubscriptions) {
  const ReplayServer server(numbered_streams(1), {});
  BeastClient client(server.port(), "/");
  subscribe(client, 1);
  ASSERT_TRUE(server.progress().wait_until(
      [](const auto& p) { return p.subscriptions.contains(0) && p.subscriptions.at(0) == 1; }));
  EXPECT_EQ(server.progress().get().next.at(0), 0u);
  subscribe(client, 1);
  EXPECT_EQ(client.read(), "0:0");
}

TEST(ReplayServer, ObeysTheIndexInTheUrl) {
  const ReplayServer server(numbered_streams(4), {});
  BeastClient client(server.port(), "/feed?client=2");
  subscribe(client, 2);
  EXPECT_EQ(client.read(), "2:0");
}

TEST(ReplayServer, GivesAReturningClientTheFreeStreamFromNowOn) {
  ReplayOptions options;
  options.from_now = true;
  options.hold_at = 5;
  ReplayServer server(numbered_streams(2), options);
  auto first = std::make_unique<BeastClient>(server.port(), "/");
  ASSERT_TRUE(server.progress().wait_until([](const auto& p) { return p.open == 1; }));
  BeastClient second(server.port(), "/");
  subscribe(*first, 2);
  subscribe(second, 2);
  EXPECT_EQ(read_messages(*first, 5).back(), "0:4");
  EXPECT_EQ(read_messages(second, 5).back(), "1:4");
  first.reset();
  ASSERT_TRUE(server.progress().wait_until([](const auto& p) { return p.open == 1; }));
  BeastClient returned(server.port(), "/");
  // Before the stream goes on: a client that joins later begins later.
  ASSERT_TRUE(server.progress().wait_until([](const auto& p) { return p.open == 2; }));
  subscribe(returned, 2);
  server.advance_to(10);
  EXPECT_EQ(read_messages(returned, 5), (std::vector<Bytes>{"0:5", "0:6", "0:7", "0:8", "0:9"}));
}

TEST(ReplayServer, KeepsCompressedTimeAndClosesAtTheEnd) {
  ReplayOptions options;
  options.speed = 1000;
  options.close_at_end = true;
  const ReplayServer server(numbered_streams(1), options);
  BeastClient client(server.port(), "/");
  subscribe(client, 2);
  EXPECT_EQ(read_messages(client, 11).size(), 10u);
  EXPECT_EQ(client.close_code(), 1000);
}

TEST(ReplayServer, RestartsOnItsPort) {
  ReplayServer server(numbered_streams(1), {});
  const uint16_t port = server.port();
  BeastClient before(port, "/");
  server.stop();
  EXPECT_EQ(before.read(), std::nullopt);
  EXPECT_EQ(before.close_code(), 0);
  EXPECT_ANY_THROW(BeastClient(port, "/"));
  server.start();
  EXPECT_EQ(server.port(), port);
  BeastClient after(port, "/");
  subscribe(after, 2);
  EXPECT_EQ(after.read(), "0:0");
}

TEST(EchoServer, EchoesPushesAndCloses) {
  EchoOptions options;
  options.close_after_messages = 2;
  options.close_code = 4001;
  options.close_reason = "enough";
  options.server.subprotocols = {"chat"};
  EchoServer server(options);
  BeastClient client(server.port(), "/", {}, "other, chat");
  EXPECT_EQ(client.subprotocol(), "chat");
  client.send("one");
  EXPECT_EQ(client.read(), "one");
  server.push("news");
  EXPECT_EQ(client.read(), "news");
  const Bytes large(300'000, 'x');
  client.send(large);
  EXPECT_EQ(client.read(), large);
  EXPECT_EQ(client.read(), std::nullopt);
  EXPECT_EQ(client.close_code(), 4001);
  EXPECT_EQ(server.progress().get().messages, 2u);
}

TEST(EchoServer, SpeaksTls) {
  const CertificateAuthority authority;
  EchoOptions options;
  options.server.tls = authority.localhost();
  EchoServer server(options);
  BeastClient client(server.port(), "/", authority.pem());
  client.send("secret");
  EXPECT_EQ(client.read(), "secret");
  server.cut_all();
  EXPECT_EQ(client.read(), std::nullopt);
  EXPECT_EQ(client.close_code(), 0);
}

}  // namespace
}  // namespace icws::support
