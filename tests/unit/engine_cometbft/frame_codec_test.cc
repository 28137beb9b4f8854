#include "engine/cometbft/frame_codec.h"

#include <gtest/gtest.h>

namespace icws::engine {
namespace {

Bytes frame(const Bytes& message) {
  Bytes out;
  append_frame_length(out, message.size());
  return out + message;
}

// What comes out when `stream` arrives in pieces of `piece` bytes.
std::vector<Bytes> read_all(BytesView stream, size_t piece) {
  FrameReader reader;
  std::vector<Bytes> out;
  for (size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.substr(at, piece));
    while (true) {
      const auto next = reader.next();
      EXPECT_TRUE(next);
      if (!next || !*next) break;
      out.emplace_back(**next);
    }
  }
  EXPECT_FALSE(reader.torn());
  return out;
}

TEST(FrameReader, ReadsMessagesInWhateverPiecesTheyCome) {
  const std::vector<Bytes> messages = {"", "a", Bytes(127, 'b'), Bytes(128, 'c'), Bytes(70'000, 'd'), ""};
  Bytes stream;
  for (const Bytes& message : messages) stream += frame(message);
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{1'000}, stream.size()}) {
    EXPECT_EQ(read_all(stream, piece), messages) << piece;
  }
}

TEST(FrameReader, LengthsAreCometBfts) { EXPECT_EQ(to_hex(frame(Bytes(300, 'x')).substr(0, 2)), "ac02"); }

TEST(FrameReader, RefusesAMessageOverTheLimit) {
  FrameReader reader(10);
  reader.feed(frame(Bytes(10, 'x')));
  ASSERT_TRUE(reader.next());
  Bytes head;
  append_frame_length(head, 11);
  reader.feed(head);
  const auto next = reader.next();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error(), FrameFault::TooLong);
}

TEST(FrameReader, RefusesHugeLengthsBeforeTheyCostAnything) {
  FrameReader reader;
  reader.feed("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  EXPECT_EQ(reader.next().error(), FrameFault::TooLong);
}

TEST(FrameReader, RefusesLengthsThatAreNoMinimalVarint) {
  for (const BytesView bad : {BytesView("\x80\x00", 2), BytesView("\xff\x80\x00", 3),
                              BytesView("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
                              BytesView("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80")}) {
    FrameReader reader;
    reader.feed(bad);
    const auto next = reader.next();
    ASSERT_FALSE(next) << to_hex(bad);
    EXPECT_EQ(next.error(), FrameFault::BadLength);
  }
}

TEST(FrameReader, KnowsATornMessage) {
  FrameReader reader;
  EXPECT_FALSE(reader.torn());
  reader.feed(
      "\x05"
      "ab");
  ASSERT_TRUE(reader.next());
  EXPECT_TRUE(reader.torn());
  reader.feed("cde");
  const auto next = reader.next();
  ASSERT_TRUE(next && *next);
  EXPECT_EQ(**next, "abcde");
  EXPECT_FALSE(reader.torn());
}

}  // namespace
}  // namespace icws::engine
