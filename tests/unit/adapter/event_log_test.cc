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
