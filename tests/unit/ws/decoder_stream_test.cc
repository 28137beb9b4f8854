// The chunks in which bytes arrive must never matter.
#include <gtest/gtest.h>

#include "base/prng.h"
#include "tests/unit/ws/frames.h"
#include "tests/unit/ws/recorder.h"

namespace icws::ws {
namespace {

using testing::decode;
using testing::frame;
using testing::kFin;
using testing::Outcome;
using testing::Record;

Bytes sample_stream() {
  return testing::text("caf\xC3\xA9 \xF0\x9F\x98\x80") + testing::binary(Bytes(126, '\xFF')) +
         testing::text("") + frame(1, "\xE2\x82") + testing::ping("ping") + frame(0, "") + testing::pong("") +
         frame(kFin, "\xAC!") + testing::binary(Bytes(200, '\0')) + testing::close(3001, "done");
}

Outcome decode_chunks(const std::vector<BytesView>& chunks) {
  Decoder decoder;
  Outcome outcome;
  for (const BytesView chunk : chunks) testing::feed(decoder, chunk, outcome);
  return outcome;
}

TEST(DecoderStream, IsTheSameAtEverySplit) {
  const Bytes stream = sample_stream();
  const Outcome whole = decode(stream);
  ASSERT_FALSE(whole.error);
  ASSERT_EQ(whole.events.size(), 8u);
  const BytesView view = stream;
  for (size_t i = 0; i <= stream.size(); ++i) {
    ASSERT_EQ(decode_chunks({view.substr(0, i), view.substr(i)}), whole) << "split at " << i;
  }
}

TEST(DecoderStream, IsTheSameAtEveryPairOfSplits) {
  const Bytes stream = sample_stream();
  const Outcome whole = decode(stream);
  const BytesView view = stream;
  for (size_t i = 0; i <= stream.size(); ++i) {
    for (size_t j = i; j <= stream.size(); j += 3) {
      ASSERT_EQ(decode_chunks({view.substr(0, i), view.substr(i, j - i), view.substr(j)}), whole)
          << "split at " << i << " and " << j;
    }
  }
}

TEST(DecoderStream, IsTheSameInChunksOfEverySize) {
  const Bytes stream = sample_stream();
  const Outcome whole = decode(stream);
  for (size_t size = 1; size <= stream.size(); ++size) ASSERT_EQ(decode(stream, {}, size), whole) << size;
}

// A random legal stream and what it says.
struct Script {
  Bytes stream;
  std::vector<Record> events;
};

Bytes random_payload(Prng& prng, bool text, size_t size) {
  static constexpr BytesView kPieces[] = {
      "a", "z", "{\"k\":1}", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  Bytes out;
  while (out.size() < size) {
    if (text) {
      out += kPieces[prng.below(std::size(kPieces))];
    } else {
      out.push_back(static_cast<char>(prng.next()));
    }
  }
  return out;
}

void maybe_add_control(Prng& prng, Script& script) {
  if (!prng.chance(1, 4)) return;
  const Bytes payload = random_payload(prng, false, prng.below(126));
  const bool ping = prng.chance(1, 2);
  script.stream += ping ? testing::ping(payload) : testing::pong(payload);
  script.events.push_back({ping ? EventKind::kPing : EventKind::kPong, 0, payload});
}

void add_message(Prng& prng, Script& script) {
  static constexpr size_t kSizes[] = {1, 10, 130, 1'000, 70'000};
  const bool text = prng.chance(1, 2);
  const Bytes payload = random_payload(prng, text, prng.below(kSizes[prng.below(std::size(kSizes))]));
  BytesView rest = payload;
  uint8_t opcode = text ? 1 : 2;
  while (prng.chance(1, 3)) {
    const size_t size = prng.below(rest.size() + 1);
    script.stream += frame(opcode, rest.substr(0, size));
    rest.remove_prefix(size);
    opcode = 0;
    maybe_add_control(prng, script);
  }
  script.stream += frame(kFin | opcode, rest);
  script.events.push_back({text ? EventKind::kText : EventKind::kBinary, 0, payload});
}

TEST(DecoderStream, DecodesRandomStreamsInRandomChunks) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Prng prng(seed);
    Script script;
    for (uint64_t i = 1 + prng.below(12); i > 0; --i) {
      add_message(prng, script);
      maybe_add_control(prng, script);
    }
    const size_t chunk_max = 1 + prng.below(prng.chance(1, 2) ? 20 : 5'000);
    const bool placed = prng.chance(1, 2);
    Decoder decoder;
    Outcome outcome;
    for (BytesView rest = script.stream; !rest.empty();) {
      const BytesView chunk = rest.substr(0, 1 + prng.below(chunk_max));
      rest.remove_prefix(chunk.size());
      if (placed) {
        testing::feed_placed(decoder, chunk, outcome, 1 + prng.below(chunk_max));
      } else {
        testing::feed(decoder, chunk, outcome);
      }
    }
    ASSERT_FALSE(outcome.error) << "seed " << seed << ": " << describe(*outcome.error);
    ASSERT_EQ(outcome.events, script.events) << "seed " << seed;
    ASSERT_FALSE(decoder.unfinished()) << "seed " << seed;
  }
}

TEST(DecoderStream, FindsTheSameErrorInAnyChunks) {
  for (uint64_t seed = 0; seed < 3'000; ++seed) {
    Prng prng(seed);
    Bytes stream = sample_stream();
    for (uint64_t i = 1 + prng.below(4); i > 0; --i) {
      stream[prng.below(stream.size())] = static_cast<char>(prng.next());
    }
    const Outcome whole = decode(stream);
    ASSERT_EQ(decode(stream, {}, 1), whole) << "seed " << seed;
    ASSERT_EQ(decode(stream, {}, 1 + prng.below(40)), whole) << "seed " << seed;
  }
}

TEST(DecoderStream, FindsTheSameErrorInWhatIsReadToItsPlace) {
  Bytes payload(30'000, 'x');
  payload[29'000] = '\xC3';
  payload[29'001] = '\xA9';
  const Bytes stream =
      testing::text(payload) + frame(1, payload) + frame(kFin, payload) + testing::close(1000, "");
  Decoder good;
  Outcome outcome;
  testing::feed_placed(good, stream, outcome, 7'000);
  ASSERT_EQ(outcome, decode(stream));
  ASSERT_EQ(outcome.events.size(), 3u);
  for (const size_t place : {20'000u, 29'020u, 70'000u}) {
    Bytes broken = stream;
    broken[place] = '\xFF';
    Decoder decoder;
    Outcome found;
    testing::feed_placed(decoder, broken, found, 7'000);
    EXPECT_EQ(found, decode(broken));
    EXPECT_EQ(found.error, DecodeError::kInvalidUtf8);
    EXPECT_TRUE(decoder.payload_room().empty()) << "nothing is read after a failure";
  }
}

TEST(DecoderStream, OffersRoomForTheRestOfALargeFrameAlone) {
  Decoder decoder;
  Outcome outcome;
  const auto begin = [&](BytesView header) {
    testing::feed(decoder, header, outcome);
    return decoder.payload_room().size();
  };
  EXPECT_EQ(begin(""), 0u);
  const Bytes small = testing::binary(Bytes(Decoder::kRoomBytesMin, 'x'));
  EXPECT_EQ(begin(BytesView(small).substr(0, 5)), 0u) << "one byte less than is worth while is to come";
  EXPECT_EQ(begin(BytesView(small).substr(5)), 0u);
  const Bytes large = testing::binary(Bytes(100'000, 'x'));
  EXPECT_EQ(begin(BytesView(large).substr(0, 10)), Decoder::kAheadBytes) << "not all that is announced";
  testing::feed(decoder, BytesView(large).substr(10, 50'000), outcome);
  BytesView rest = BytesView(large).substr(50'010);
  const auto event = decoder.next(rest);
  ASSERT_TRUE(event && event->kind == EventKind::kBinary);
  ASSERT_NE(decoder.message_buffer(), nullptr);
  const auto taken = std::move(*decoder.message_buffer());
  EXPECT_TRUE(taken.view() == Bytes(100'000, 'x'));
  EXPECT_EQ(taken.capacity(), 100'000u) << "grown to what was announced, once most of it was there";
  EXPECT_EQ(begin(BytesView(large).substr(0, 10)), Decoder::kAheadBytes) << "the decoder goes on without it";
}

}  // namespace
}  // namespace icws::ws
