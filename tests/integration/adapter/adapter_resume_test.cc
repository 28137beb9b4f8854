// Backpressure, replicas that go and come, adapters that stop.
#include <gtest/gtest.h>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"

namespace icws::adapter {
namespace {

using transcript::Cause;

constexpr size_t kEventsMax = 100;
constexpr size_t kMessages = 6'000;

// Sends numbered messages of 4 KiB until the kernel takes no more; counts those that it took.
struct Flood {
  support::Watched<size_t> sent;
  support::HostileServer server{std::nullopt, [this](support::RawConnection& connection) {
                                  connection.accept_upgrade();
                                  for (size_t i = 0; i < kMessages; ++i) {
                                    auto text = std::to_string(i);
                                    text.resize(4096, ' ');
                                    if (!connection.send(support::server_frame(0x81, text))) return;
                                    sent.update([](size_t& count) { ++count; });
                                  }
                                  connection.wait_closed();
                                }};
};

TEST(AdapterBackpressure, StopsReadingUntilAcknowledged) {
  Flood flood;
  AdapterProcess adapter({"--events-max", std::to_string(kEventsMax)});
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto key = socket_key(1);
  replica->open(key, flood.server.url());
  ASSERT_EQ(replica->wait_events(key, kEventsMax).size(), kEventsMax);
  // The server is held up well before its end: what it has sent lies in the kernel's buffers.
  EXPECT_FALSE(
      flood.sent.wait_until([](size_t count) { return count == kMessages; }, std::chrono::milliseconds(500)));
  EXPECT_EQ(replica->wait_events(key, kEventsMax).size(), kEventsMax);
  // Acknowledging lets it all through, in order.
  for (size_t heard = kEventsMax, before = 0; heard < kMessages + 1 && heard > before;) {
    replica->acknowledge(key, heard);
    before = heard;
    heard = replica->wait_count(key, std::min(heard + kEventsMax / 2, kMessages + 1));
  }
  const auto events = replica->wait_events(key, kMessages + 1);
  ASSERT_EQ(events.size(), kMessages + 1);
  for (size_t i = 0; i < kMessages; ++i) ASSERT_EQ(std::stoul(content(events[i + 1])), i);
}

TEST(AdapterBackpressure, AnswersPingsBeforeTheMessageThatDoesNotFit) {
  support::Mailbox<Bytes> answers;
  support::HostileServer server(std::nullopt, [&](support::RawConnection& connection) {
    connection.accept_upgrade();
    connection.send(support::server_frame(0x82, "fills the one place"));
    connection.send(support::server_frame(0x89, "ping"));
    answers.put(connection.read_some());
    connection.wait_closed();
  });
  // Opened and one message: full.
  AdapterProcess adapter({"--events-max", "2"});
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  ASSERT_EQ(replica->wait_events(socket_key(1), 2).size(), 2U);
  const auto answer = answers.take();
  ASSERT_TRUE(answer);
  // A masked pong of four bytes.
  ASSERT_EQ(answer->size(), 10U);
  EXPECT_EQ(static_cast<unsigned char>((*answer)[0]), 0x8A);
}

TEST(AdapterResume, ReplaysWhatIsNotAcknowledged) {
  support::EchoServer server;
  // Full with Opened and ten messages: the next one is read once half of them are acknowledged.
  AdapterProcess adapter({"--events-max", "11"});
  const auto key = socket_key(7);
  uint64_t instance = 0;
  {
    auto replica = adapter.replica();
    ASSERT_TRUE(replica->wait_up());
    instance = replica->heard().get().ups[0].instance;
    replica->open(key, server.url());
    for (uint64_t i = 1; i <= 10; ++i) replica->send(key, i, std::to_string(i));
    ASSERT_EQ(replica->wait_events(key, 11).size(), 11U);
    replica->acknowledge(key, 6);
    server.push("acknowledged");
    ASSERT_EQ(replica->wait_events(key, 12).size(), 12U);
  }
  server.push("while away");
  std::unique_ptr<Replica> replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto up = replica->heard().get().ups[0];
  EXPECT_EQ(up.instance, instance);
  ASSERT_EQ(up.sockets.size(), 1U);
  EXPECT_EQ(up.sockets[0].key, key);
  EXPECT_EQ(up.sockets[0].accepted_send, 10U);
  const uint64_t acknowledged = up.sockets[0].acknowledged.value;
  EXPECT_EQ(acknowledged, 6U);
  EXPECT_EQ(up.sockets[0].position.value, 6U);
  EXPECT_EQ(up.sockets[0].head, sha256("head"));
  const auto events = replica->wait_events(key, 13 - acknowledged);
  ASSERT_EQ(events.size(), 13 - acknowledged);
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence.value, acknowledged + 1 + i);
  EXPECT_EQ(content(events.back()), "while away");
}

// Together they are larger than what gRPC's clients take as one message (ours 8 MiB). That they end at once
// changes nothing: they are remembered until the replica closes them.
TEST(AdapterResume, ListsVeryManySockets) {
  constexpr uint64_t kSockets = 120'000;
  const auto key = [](uint64_t i) {
    return replica::SocketKey{ConnectionId(UINT64_MAX - kSockets + i), Epoch(UINT32_MAX),
                              Attempt(UINT32_MAX)};
  };
  AdapterProcess adapter({"--sockets-max", std::to_string(kSockets), "--metrics", "127.0.0.1:0"});
  {
    const auto replica = adapter.replica();
    ASSERT_TRUE(replica->wait_up());
    for (uint64_t i = 0; i < kSockets; ++i) replica->open(key(i), "no URL");
    ASSERT_TRUE(
        replica->heard().wait_until([](const Heard& heard) { return heard.events.size() == kSockets; }));
    for (uint64_t i = 0; i < kSockets; ++i) {
      replica->submit(
          replica::AcknowledgeCommand{key(i), EventSequence(1), Position(UINT64_MAX), sha256("h")});
    }
    auto seen =
        adapter.wait_metrics([](MetricValues& now) { return now["icws_adapter_buffered_events"] == 0; });
    ASSERT_EQ(seen["icws_adapter_buffered_events"], 0);
  }
  const auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto heard = replica->heard().get();
  ASSERT_EQ(heard.ups[0].sockets.size(), kSockets);
  for (uint64_t i = 0; i < kSockets; ++i) {
    ASSERT_EQ(heard.ups[0].sockets[i].key, key(i));
    ASSERT_EQ(heard.ups[0].sockets[i].position, Position(UINT64_MAX));
  }
  EXPECT_EQ(heard.downs, 0U);
  EXPECT_TRUE(heard.events.empty());
}

TEST(AdapterResume, ReportsADeadAdapterAndItsSuccessor) {
  support::EchoServer server;
  AdapterProcess adapter;
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  ASSERT_EQ(replica->wait_events(socket_key(1), 1).size(), 1U);
  adapter.process().kill(SIGKILL);
  ASSERT_TRUE(adapter.process().wait_exit());
  ASSERT_TRUE(replica->wait_down());
  adapter.start();
  ASSERT_TRUE(replica->wait_up(2));
  const auto ups = replica->heard().get().ups;
  EXPECT_NE(ups[0].instance, ups[1].instance);
  EXPECT_TRUE(ups[1].sockets.empty());
  replica->open(socket_key(1, 2), server.url());
  EXPECT_EQ(replica->wait_events(socket_key(1, 2), 1).size(), 1U);
}

TEST(AdapterStop, ClosesWithGoingAway) {
  support::Mailbox<Bytes> frames;
  support::HostileServer server(std::nullopt, [&](support::RawConnection& connection) {
    connection.accept_upgrade();
    frames.put(connection.read_some());
  });
  AdapterProcess adapter;
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  ASSERT_EQ(replica->wait_events(socket_key(1), 1).size(), 1U);
  adapter.process().kill(SIGTERM);
  const auto frame = frames.take();
  ASSERT_TRUE(frame);
  ASSERT_GE(frame->size(), 8U);
  const auto byte = [&](size_t i) { return static_cast<unsigned char>((*frame)[i]); };
  EXPECT_EQ(byte(0), 0x88);
  // The code, unmasked.
  EXPECT_EQ((byte(6) ^ byte(2)) << 8 | (byte(7) ^ byte(3)), 1001);
  const auto exit = adapter.process().wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 0);
}

TEST(AdapterStart, RefusesWhatItDoesNotUnderstand) {
  support::ChildProcess child({support::built_program("icws-adapter"),
                               {"--allow-network", "10.0.0.0/99", "--log-level", "loud"},
                               {},
                               {}});
  const auto exit = child.wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 2);
  EXPECT_NE(child.errors().find("10.0.0.0/99"), std::string::npos);
  EXPECT_NE(child.errors().find("log_level"), std::string::npos);
  EXPECT_NE(child.errors().find("socket"), std::string::npos);
}

}  // namespace
}  // namespace icws::adapter
