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
    Decoder decoder;
    Outcome outcome;
    for (BytesView rest = script.stream; !rest.empty();) {
      const BytesView chunk = rest.substr(0, 1 + prng.below(chunk_max));
      rest.remove_prefix(chunk.size());
      testing::feed(decoder, chunk, outcome);
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

}  // namespace
}  // namespace icws::ws
