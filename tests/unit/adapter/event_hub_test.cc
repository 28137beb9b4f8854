// The hand-written wire format against protobuf, and the hub's promises.
#include "adapter/event_hub.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "adapter/event_message.h"
#include "adapter/event_wire.h"
#include "icws/adapter/v1/adapter.pb.h"

namespace icws::adapter {
namespace {

replica::SocketKey key_of(uint64_t connection) { return {ConnectionId(connection), Epoch(2), Attempt(300)}; }

Bytes join(const Batch& batch) {
  Bytes out;
  for (const auto& piece : batch.pieces) out.append(piece.data, piece.size);
  return out;
}

struct Sink final : EventSink {
  void wake() override { ++wakes; }
  void end() override { ++ends; }
  int wakes = 0;
  int ends = 0;
};

// A socket's writer and the hub's view of it.
struct Source {
  Source(EventHub& hub, uint64_t connection) : hub(hub), key(key_of(connection)) {
    hub.add(key, [this] { ++rooms; });
  }
  Room add(size_t count, size_t size) {
    for (size_t i = 0; i < count; ++i) writer.add_message(replica::MessageKind::Text, Bytes(size, 'a'));
    return hub.publish(key, writer.take());
  }
  void acknowledge(uint64_t event) {
    hub.acknowledge({key, EventSequence(event), Position(event), sha256("h")});
  }
  EventHub& hub;
  replica::SocketKey key;
  EventWriter writer;
  int rooms = 0;
};

// Everything that the hub has for a subscriber, parsed by protobuf.
std::vector<v1::EventsResponse> drain(EventHub& hub, uint64_t generation) {
  std::vector<v1::EventsResponse> out;
  while (const auto batch = hub.next_batch(generation)) {
    v1::EventsResponse response;
    EXPECT_TRUE(response.ParseFromString(join(*batch)));
    EXPECT_LE(batch->events, 4'096U);
    EXPECT_EQ(batch->bytes, join(*batch).size());
    // Byte by byte what protobuf writes.
    EXPECT_EQ(response.SerializeAsString(), join(*batch));
    out.push_back(std::move(response));
  }
  return out;
}

TEST(EventWire, WritesWhatProtobufWrites) {
  for (const uint64_t sequence : {1ULL, 127ULL, 128ULL, 1ULL << 35, ~0ULL}) {
    for (const size_t size : {0UL, 1UL, 120UL, 127UL, 128UL, 16'383UL, 16'384UL, 2'000'000UL}) {
      v1::SocketEvents expected;
      auto& event = *expected.add_events();
      event.set_sequence(sequence);
      event.mutable_message()->set_kind(v1::MESSAGE_KIND_BINARY);
      event.mutable_message()->set_content(Bytes(size, 'z'));
      Bytes written(message_event_size(sequence, size), '\0');
      char* content = write_message_event_head(written.data(), sequence, replica::MessageKind::Binary, size);
      EXPECT_LE(content - written.data(), static_cast<ptrdiff_t>(kMessageEventHeadBytesMax));
      ASSERT_EQ(content + size, written.data() + written.size());
      std::fill_n(content, size, 'z');
      EXPECT_EQ(written, expected.SerializeAsString()) << sequence << " " << size;
    }
  }
}

TEST(EventHub, DeliversEverySizeInOrder) {
  EventHub hub({});
  const auto attached = hub.attach(std::make_shared<Sink>());
  Source source(hub, 1);
  uint64_t sequence = 0;
  for (const size_t size : {0, 1, 60, 1'000, 5'000, 64'000, 70'000, 1'000'000}) {
    source.add(3, size);
  }
  hub.set_sent_up_to(source.key, 9);
  uint64_t sent = 0;
  for (const auto& response : drain(hub, attached.generation)) {
    for (const auto& socket : response.sockets()) {
      EXPECT_EQ(socket.key().attempt(), 300U);
      sent = std::max(sent, socket.sent_up_to());
      for (const auto& event : socket.events()) EXPECT_EQ(event.sequence(), ++sequence);
    }
  }
  EXPECT_EQ(sequence, 24U);
  EXPECT_EQ(sent, 9U);
}

TEST(EventHub, GivesEverySocketItsTurn) {
  EventHub hub({});
  const auto attached = hub.attach(std::make_shared<Sink>());
  Source loud(hub, 1);
  Source quiet(hub, 2);
  loud.add(4'000, 1'000);
  quiet.add(1, 10);
  const auto responses = drain(hub, attached.generation);
  ASSERT_FALSE(responses.empty());
  ASSERT_EQ(responses[0].sockets_size(), 2);
  EXPECT_EQ(responses[0].sockets(1).key().connection_id(), 2U);
}

// A message that fits no turn must not be passed over while another socket always has some more.
TEST(EventHub, AMessageLargerThanATurnGetsTheNextBatch) {
  EventHub hub({});
  const auto attached = hub.attach(std::make_shared<Sink>());
  Source loud(hub, 1);
  Source large(hub, 2);
  loud.add(1'000, 1'000);
  large.add(1, 2'000'000);
  const auto has_large = [](const Batch& batch) {
    v1::EventsResponse response;
    EXPECT_TRUE(response.ParseFromString(join(batch)));
    return std::ranges::any_of(response.sockets(),
                               [](const auto& socket) { return socket.key().connection_id() == 2; });
  };
  const auto first = hub.next_batch(attached.generation);
  ASSERT_TRUE(first);
  EXPECT_FALSE(has_large(*first));
  loud.add(1'000, 1'000);
  const auto second = hub.next_batch(attached.generation);
  ASSERT_TRUE(second);
  EXPECT_TRUE(has_large(*second));
}

TEST(EventHub, IsFullAtItsLimitAndResumesAtHalf) {
  HubLimits limits;
  limits.events_max = 10;
  EventHub hub(limits);
  Source source(hub, 1);
  EXPECT_EQ(source.add(9, 1).events, 1U);
  EXPECT_TRUE(source.add(1, 1).empty());
  EXPECT_TRUE(hub.wait_for_room(source.key).empty());
  source.acknowledge(4);
  EXPECT_EQ(source.rooms, 0);
  source.acknowledge(5);
  EXPECT_EQ(source.rooms, 1);
  EXPECT_EQ(hub.wait_for_room(source.key).events, 5U);
}

TEST(EventHub, LeavesEverySocketItsShareOfATotal) {
  HubLimits limits;
  limits.bytes_total_max = 10'000;
  limits.bytes_share = 500;
  EventHub hub(limits);
  Source greedy(hub, 1);
  Source modest(hub, 2);
  EXPECT_TRUE(greedy.add(1, 20'000).empty());
  EXPECT_FALSE(hub.publish(modest.key, {}).empty());
  EXPECT_TRUE(modest.add(1, 500).empty());
  EXPECT_TRUE(hub.wait_for_room(modest.key).empty());
  hub.remove(greedy.key);
  EXPECT_EQ(modest.rooms, 1);
}

TEST(EventHub, ResumesThoseThatWaitedForTheTotalWhenItIsAcknowledged) {
  HubLimits limits;
  limits.bytes_total_max = 10'000;
  limits.bytes_share = 500;
  EventHub hub(limits);
  Source greedy(hub, 1);
  Source modest(hub, 2);
  Source third(hub, 3);
  greedy.add(2, 10'000);
  for (auto* source : {&modest, &third}) {
    EXPECT_TRUE(source->add(1, 500).empty());
    EXPECT_TRUE(hub.wait_for_room(source->key).empty());
  }
  greedy.acknowledge(1);
  EXPECT_EQ(modest.rooms, 0) << "still over the total";
  greedy.acknowledge(2);
  EXPECT_EQ(modest.rooms, 1);
  EXPECT_EQ(third.rooms, 1);
  EXPECT_EQ(greedy.rooms, 0) << "did not wait";
  modest.acknowledge(1);
  EXPECT_EQ(modest.rooms, 1) << "told once";
}

TEST(EventHub, ReplaysFromTheFirstUnacknowledged) {
  EventHub hub({});
  Source source(hub, 1);
  auto first = std::make_shared<Sink>();
  const auto before = hub.attach(first);
  source.add(2'000, 100);
  EXPECT_EQ(first->wakes, 0);
  drain(hub, before.generation);
  source.acknowledge(1'234);
  source.acknowledge(1'000);
  source.add(1, 100);
  EXPECT_EQ(first->wakes, 1);
  const auto after = hub.attach(std::make_shared<Sink>());
  EXPECT_EQ(first->ends, 1);
  EXPECT_FALSE(hub.next_batch(before.generation));
  ASSERT_EQ(after.sockets.size(), 1U);
  EXPECT_EQ(after.sockets[0].acknowledged.value, 1'234U);
  EXPECT_EQ(after.sockets[0].head, sha256("h"));
  uint64_t sequence = 1'234;
  for (const auto& response : drain(hub, after.generation)) {
    for (const auto& event : response.sockets(0).events()) EXPECT_EQ(event.sequence(), ++sequence);
  }
  EXPECT_EQ(sequence, 2'001U);
}

TEST(EventHub, CountsWhatItHoldsAndByWhichLimitSocketsStood) {
  HubLimits limits;
  limits.events_max = 3;
  limits.bytes_max = 1'000;
  limits.bytes_total_max = 1'500;
  limits.bytes_share = 10;
  EventHub hub(limits);
  Source many(hub, 1), large(hub, 2), late(hub, 3);
  many.add(3, 1);
  large.add(1, 2'000);
  late.add(1, 10);
  for (const auto* source : {&many, &large, &late}) {
    EXPECT_TRUE(hub.wait_for_room(source->key).empty());
    // Asking again is not standing again.
    EXPECT_TRUE(hub.wait_for_room(source->key).empty());
  }
  const auto totals = hub.totals();
  EXPECT_EQ(totals.events, 5U);
  EXPECT_EQ(totals.bytes,
            hub.report(many.key).bytes + hub.report(large.key).bytes + hub.report(late.key).bytes);
  EXPECT_EQ(totals.events_max_passed, 1U);
  EXPECT_EQ(totals.bytes_max_passed, 1U);
  EXPECT_EQ(totals.bytes_total_max_passed, 1U);
  EXPECT_EQ(totals.subscribers, 0U);
  hub.attach(std::make_shared<Sink>());
  EXPECT_EQ(hub.totals().subscribers, 1U);
}

TEST(EventHub, ResumesSocketsWhenItsLimitsGrow) {
  HubLimits limits;
  limits.events_max = 2;
  EventHub hub(limits);
  Source source(hub, 1);
  EXPECT_TRUE(source.add(2, 1).empty());
  EXPECT_TRUE(hub.wait_for_room(source.key).empty());
  limits.events_max = 3;
  hub.set_limits(limits);
  EXPECT_EQ(source.rooms, 0);
  limits.events_max = 10;
  hub.set_limits(limits);
  EXPECT_EQ(source.rooms, 1);
  EXPECT_EQ(hub.wait_for_room(source.key).events, 8U);
}

EventHub::Clock::time_point fake_now{};

TEST(EventHub, TimesOneEventOfEachSocketUntilItsAcknowledgement) {
  fake_now = {};
  EventHub hub({}, [] { return fake_now; });
  Source source(hub, 1);
  source.add(2, 1);
  fake_now += std::chrono::seconds(1);
  source.add(5, 1);
  fake_now += std::chrono::seconds(1);
  source.acknowledge(1);
  EXPECT_EQ(hub.totals().acknowledge.count(), 0U);
  source.acknowledge(7);
  EXPECT_EQ(hub.totals().acknowledge.count(), 1U);
  EXPECT_EQ(hub.totals().acknowledge.sum_seconds(), 2.0);
  fake_now += std::chrono::seconds(10);
  source.add(1, 1);
  fake_now += std::chrono::seconds(3);
  source.acknowledge(8);
  EXPECT_EQ(hub.totals().acknowledge.count(), 2U);
  EXPECT_EQ(hub.totals().acknowledge.sum_seconds(), 5.0);
}

TEST(EventHub, HoldsUnderThreads) {
  constexpr size_t kRounds = 2'000;
  EventHub hub({});
  const auto attached = hub.attach(std::make_shared<Sink>());
  Source source(hub, 1);
  std::thread writer([&] {
    for (size_t i = 0; i < kRounds; ++i) source.add(5, 64);
  });
  uint64_t seen = 0;
  while (seen < kRounds * 5) {
    for (const auto& response : drain(hub, attached.generation)) {
      for (const auto& event : response.sockets(0).events()) ASSERT_EQ(event.sequence(), ++seen);
    }
    if (seen > 0) source.acknowledge(seen);
  }
  writer.join();
  EXPECT_EQ(hub.report(source.key).events, 0U);
}

TEST(EventMessage, ReplacesWhatIsNotUtf8) {
  v1::Event event;
  ASSERT_TRUE(event.ParseFromString(serialize_open_failed(1, {transcript::Cause::Tls, "a\xff", false})));
  EXPECT_EQ(event.open_failed().detail(), "a?");
}

}  // namespace
}  // namespace icws::adapter
