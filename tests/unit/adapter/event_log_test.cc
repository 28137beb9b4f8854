#include "adapter/event_log.h"

#include <gtest/gtest.h>

namespace icws::adapter {
namespace {

using replica::MessageKind;

// The chunk of the newest event.
std::shared_ptr<EventChunk> chunk_of(const EventLog& log) { return log.read(log.end() - 1, 1, 1).chunk; }

TEST(EventWriter, FillsAChunkThatIsNotAcknowledged) {
  EventWriter writer;
  EventLog log;
  writer.add_message(MessageKind::Text, "first");
  log.append(writer.take());
  const auto chunk = chunk_of(log);
  writer.add_message(MessageKind::Text, "second");
  log.append(writer.take());
  EXPECT_EQ(chunk_of(log), chunk);
  EXPECT_EQ(log.read(1, 2, 1024).events, 2U);
}

TEST(EventWriter, KeepsNothingOfWhatIsAcknowledged) {
  EventWriter writer;
  EventLog log;
  writer.add_message(MessageKind::Text, "first");
  log.append(writer.take());
  const std::weak_ptr<EventChunk> chunk = chunk_of(log);
  log.acknowledge(1);
  EXPECT_TRUE(chunk.expired());
  EXPECT_EQ(log.bytes(), 0U);
  writer.add_message(MessageKind::Binary, "second");
  log.append(writer.take());
  EXPECT_EQ(log.read(2, 1, 1024).events, 1U);
}

TEST(EventWriter, GrowsChunksAsTheyFillAndShrinksThemForAQuietSocket) {
  EventWriter writer;
  EventLog log;
  const auto publish = [&](size_t events) {
    for (size_t i = 0; i < events; ++i) writer.add_message(MessageKind::Text, Bytes(100, 'x'));
    log.append(writer.take());
    return chunk_of(log)->used() + chunk_of(log)->room();
  };
  EXPECT_EQ(publish(1), EventWriter::kChunkBytesMin);
  EXPECT_EQ(publish(5'000), EventWriter::kChunkBytesMax);
  log.acknowledge(5'001);
  // As much as came at once the last time, and then again a little.
  EXPECT_EQ(publish(1), EventWriter::kChunkBytesMax);
  log.acknowledge(5'002);
  EXPECT_EQ(publish(1), EventWriter::kChunkBytesMin);
}

ws::MessageBuffer buffer_of(size_t size, size_t capacity) {
  ws::MessageBuffer out;
  out.reserve(capacity);
  out.append(Bytes(size, 'm'));
  return out;
}

TEST(EventWriter, TakesALargeMessageOverAndGoesOnInItsChunk) {
  EventWriter writer;
  EventLog log;
  writer.add_message(MessageKind::Text, "first");
  auto large = buffer_of(EventWriter::kTakenBytesMin, EventWriter::kTakenBytesMin);
  const char* const content = large.view().data();
  writer.add_message(MessageKind::Text, std::move(large));
  writer.add_message(MessageKind::Text, "third");
  log.append(writer.take());
  writer.add_message(MessageKind::Binary, buffer_of(100'000, 100'000));
  log.append(writer.take());
  writer.add_message(MessageKind::Text, "fifth");
  log.append(writer.take());

  // The same bytes as without: event by event.
  EventWriter copying;
  EventLog copied;
  for (const BytesView small : {"first", "", "third", "", "fifth"}) {
    const uint64_t sequence = copying.next_sequence();
    if (sequence == 2) {
      copying.add_message(MessageKind::Text, Bytes(EventWriter::kTakenBytesMin, 'm'));
    } else if (sequence == 4) {
      copying.add_message(MessageKind::Binary, Bytes(100'000, 'm'));
    } else {
      copying.add_message(MessageKind::Text, small);
    }
  }
  copied.append(copying.take());
  for (uint64_t event = 1; event < 6; ++event) {
    const auto ours = log.read(event, 1, SIZE_MAX);
    const auto theirs = copied.read(event, 1, SIZE_MAX);
    ASSERT_EQ(ours.events, 1U);
    EXPECT_TRUE(BytesView(ours.data, ours.size) == BytesView(theirs.data, theirs.size)) << event;
  }
  EXPECT_EQ(log.bytes(), copied.bytes());
  const auto second = log.read(2, 1, SIZE_MAX);
  EXPECT_EQ(second.data + second.size, content + EventWriter::kTakenBytesMin) << "it was not copied";
  EXPECT_EQ(log.read(3, 1, SIZE_MAX).chunk, log.read(1, 1, SIZE_MAX).chunk);
  EXPECT_EQ(log.acknowledge(5), copied.bytes());
  EXPECT_EQ(log.bytes(), 0U);
}

TEST(EventWriter, CopiesWhatIsSmallOrWastesMemory) {
  for (const auto& [size, capacity] :
       {std::pair{EventWriter::kTakenBytesMin - 1, size_t{0}},
        std::pair{EventWriter::kTakenBytesMin, EventWriter::kTakenBytesMin * 9 / 8 + 1}}) {
    EventWriter writer;
    EventLog log;
    auto message = buffer_of(size, capacity);
    writer.add_message(MessageKind::Text, std::move(message));
    log.append(writer.take());
    EXPECT_EQ(message.size(), size) << "it is still the giver's";
    EXPECT_NE(log.read(1, 1, SIZE_MAX).data + log.bytes(), message.view().data() + size);
  }
}

TEST(EventLog, AcknowledgesWithinAChunkAndBeyondTheEnd) {
  EventWriter writer;
  EventLog log;
  for (int i = 0; i < 3; ++i) writer.add_message(MessageKind::Text, "x");
  log.append(writer.take());
  const size_t bytes = log.bytes();
  EXPECT_EQ(log.acknowledge(2), bytes / 3 * 2);
  EXPECT_EQ(log.first(), 3U);
  EXPECT_EQ(log.acknowledge(1), 0U);
  EXPECT_EQ(log.acknowledge(99), bytes / 3);
  EXPECT_EQ(log.events(), 0U);
  EXPECT_EQ(log.first(), 4U);
}

}  // namespace
}  // namespace icws::adapter
