// The decoder with permessage-deflate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/prng.h"
#include "tests/unit/ws/frames.h"
#include "tests/unit/ws/peer_deflate.h"
#include "tests/unit/ws/recorder.h"

namespace icws::ws {
namespace {

using namespace std::string_literals;
using testing::decode;
using ::testing::ElementsAre;
using testing::frame;
using testing::kFin;
using testing::Outcome;
using testing::PeerDeflater;
using testing::Record;

constexpr uint8_t kRsv1 = 0x40;
constexpr uint8_t kText = 1;
constexpr uint8_t kBinary = 2;
constexpr DeflateParameters kTakeover{};
constexpr DeflateParameters kNoTakeover{.server_no_context_takeover = true};

Bytes compressed_text(PeerDeflater& peer, BytesView payload) {
  return frame(kFin | kRsv1 | kText, peer.message(payload));
}
Bytes compressed_binary(PeerDeflater& peer, BytesView payload) {
  return frame(kFin | kRsv1 | kBinary, peer.message(payload));
}
// In fragments of a size.
Bytes in_fragments(uint8_t opcode, BytesView wire, size_t fragment_bytes) {
  Bytes out;
  uint8_t first = opcode;
  while (wire.size() > fragment_bytes) {
    out += frame(first, wire.substr(0, fragment_bytes));
    wire.remove_prefix(fragment_bytes);
    first = 0;
  }
  return out + frame(kFin | first, wire);
}

Record is_text(BytesView payload) { return {EventKind::kText, 0, Bytes(payload)}; }
Record is_binary(BytesView payload) { return {EventKind::kBinary, 0, Bytes(payload)}; }

void expect_events(BytesView stream, const std::vector<Record>& events, DecoderLimits limits = {}) {
  const Outcome whole = decode(stream, limits, SIZE_MAX, kTakeover);
  EXPECT_FALSE(whole.error) << describe(*whole.error);
  EXPECT_EQ(whole.events, events);
  EXPECT_EQ(decode(stream, limits, 1, kTakeover), whole);
}

void expect_refused(BytesView stream, DecodeError error, size_t events_before = 0,
                    DecoderLimits limits = {}) {
  const Outcome whole = decode(stream, limits, SIZE_MAX, kTakeover);
  ASSERT_TRUE(whole.error);
  EXPECT_EQ(*whole.error, error) << describe(*whole.error);
  EXPECT_EQ(whole.events.size(), events_before);
  EXPECT_EQ(decode(stream, limits, 1, kTakeover), whole);
  EXPECT_EQ(decode(stream, limits, 3, kTakeover), whole);
}

TEST(DecoderDeflate, ReadsTheExamplesOfRfc7692Section723) {
  expect_events("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s, {is_text("Hello")});
  expect_events("\x41\x03\xf2\x48\xcd"s + "\x80\x04\xc9\xc9\x07\x00"s, {is_text("Hello")});
  expect_events("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s + "\xc1\x05\xf2\x00\x11\x00\x00"s,
                {is_text("Hello"), is_text("Hello")});
  expect_events("\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s, {is_text("Hello")});
  expect_events("\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s, {is_text("Hello")});
  expect_events("\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s, {is_text("Hello")});
  expect_events("\xc1\x01\x00"s + "\xc2\x01\x00"s, {is_text(""), is_binary("")});
}

TEST(DecoderDeflate, TakesUncompressedMessagesAndControlFramesInBetween) {
  PeerDeflater peer;
  const Bytes wire = peer.message("Hello, Hello, Hello");
  const BytesView view = wire;
  expect_events(frame(kRsv1 | kText, view.substr(0, 3)) + testing::ping("p") + frame(0, "") +
                    frame(0, view.substr(3)) + testing::pong("") + frame(kFin, "") + testing::text("plain") +
                    frame(kText, "pl") + frame(kFin, "ain") + compressed_binary(peer, "Hello") +
                    testing::close(1000),
                {{EventKind::kPing, 0, "p"},
                 {EventKind::kPong, 0, ""},
                 is_text("Hello, Hello, Hello"),
                 is_text("plain"),
                 is_text("plain"),
                 is_binary("Hello"),
                 {EventKind::kClose, 1000, ""}});
}

TEST(DecoderDeflate, RefusesRsv1WhereItHasNoMeaning) {
  expect_refused(frame(kFin | kRsv1 | 9, ""), DecodeError::kCompressionBit);
  expect_refused(frame(kFin | kRsv1 | 10, ""), DecodeError::kCompressionBit);
  expect_refused(frame(kFin | kRsv1 | 8, ""), DecodeError::kCompressionBit);
  expect_refused(frame(kText, "x") + frame(kFin | kRsv1, "x"), DecodeError::kCompressionBit);
  expect_refused("\x41\x03\xf2\x48\xcd"s + "\xc0\x04\xc9\xc9\x07\x00"s, DecodeError::kCompressionBit);
  expect_refused(frame(kFin | kRsv1 | 3, ""), DecodeError::kReservedOpcode);
  for (const uint8_t bits : {0x20, 0x10, 0x60, 0x50, 0x30, 0x70}) {
    expect_refused(frame(kFin | bits | kText, "\0"), DecodeError::kReservedBits);
  }
  EXPECT_EQ(decode("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s).error, DecodeError::kReservedBits);
}

TEST(DecoderDeflate, RefusesCorruptMessages) {
  PeerDeflater peer;
  const Bytes good = compressed_text(peer, "good");
  expect_refused(good + frame(kFin | kRsv1 | kText, ""), DecodeError::kCorruptCompression, 1);
  expect_refused(good + frame(kFin | kRsv1 | kText, "\x06"), DecodeError::kCorruptCompression, 1);
  // Before the message is whole.
  expect_refused(good + frame(kRsv1 | kBinary, "\x06"), DecodeError::kCorruptCompression, 1);
  expect_refused(good + frame(kFin | kRsv1 | kText, BytesView(good).substr(2, good.size() - 3)),
                 DecodeError::kCorruptCompression, 1);
}

TEST(DecoderDeflate, ForgetsTheWindowIfThatWasAgreed) {
  const Bytes hello = "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s;
  const Bytes stream = hello + hello + "\xc1\x05\xf2\x00\x11\x00\x00"s;
  const Outcome outcome = decode(stream, {}, SIZE_MAX, kNoTakeover);
  EXPECT_EQ(outcome.error, DecodeError::kCorruptCompression);
  EXPECT_EQ(outcome.events.size(), 2u);
  EXPECT_EQ(decode(stream, {}, 1, kNoTakeover), outcome);
}

TEST(DecoderDeflate, FindsInvalidUtf8BeforeTheMessageIsWhole) {
  const auto blocks = [](BytesView payload) { return PeerDeflater().blocks(payload); };
  const auto begun = [&](BytesView payload) { return frame(kRsv1 | kText, blocks(payload)); };
  // A code point across fragments and blocks is fine.
  expect_events(begun("\xE2\x82") + frame(kFin, blocks("\xAC") + '\0'), {is_text("\xE2\x82\xAC")});
  expect_refused(begun("abc\xFF"), DecodeError::kInvalidUtf8);
  expect_refused(frame(kRsv1 | kText, blocks("\xE2\x82") + blocks("x")), DecodeError::kInvalidUtf8);
  expect_refused(begun("\xE2\x82") + frame(kFin, "\0"s), DecodeError::kInvalidUtf8);
  // Before what follows it: corruption, a limit.
  expect_refused(frame(kRsv1 | kText, blocks("abc\xFF") + "\x06"), DecodeError::kInvalidUtf8);
  constexpr DecoderLimits kSmall{.message_bytes_max = 1'000};
  expect_refused(begun("abc\xFF" + Bytes(2'000, 'x')), DecodeError::kInvalidUtf8, 0, kSmall);
  expect_refused(begun(Bytes(1'000, 'x') + "\xFF"), DecodeError::kMessageTooBig, 0, kSmall);
  // Binary is free.
  expect_events(frame(kFin | kRsv1 | kBinary, blocks("abc\xFF") + '\0'), {is_binary("abc\xFF")});
}

TEST(DecoderDeflate, AllowsExactlyTheLargestMessage) {
  constexpr DecoderLimits kLimits{.message_bytes_max = 5'000};
  Prng prng(1);
  for (const bool compressible : {true, false}) {
    Bytes payload(5'001, 'x');
    if (!compressible) {
      for (char& c : payload) c = static_cast<char>(prng.next());
    }
    const BytesView most = BytesView(payload).substr(0, 5'000);
    PeerDeflater peer;
    const Bytes first = compressed_binary(peer, most);
    expect_events(first + compressed_binary(peer, most), {is_binary(most), is_binary(most)}, kLimits);
    PeerDeflater other;
    const Bytes bigger = compressed_binary(other, payload);
    expect_refused(bigger, DecodeError::kMessageTooBig, 0, kLimits);
    PeerDeflater third;
    expect_refused(in_fragments(kRsv1 | kBinary, third.message(payload), 10), DecodeError::kMessageTooBig, 0,
                   kLimits);
  }
}

TEST(DecoderDeflate, LimitsTheCompressedBytesOfAMessage) {
  constexpr DecoderLimits kLimits{.message_bytes_max = 1'000};
  constexpr uint64_t kMost = 67'536;
  EXPECT_EQ(kLimits.compressed_bytes_max(), kMost);
  // Blocks without content, to the byte.
  Bytes exact;
  while (exact.size() < kMost - 1) exact += testing::kSyncFlush;
  exact.push_back('\0');
  ASSERT_EQ(exact.size(), kMost);
  const Bytes message = frame(kFin | kRsv1 | kBinary, exact);
  // The next message begins anew.
  expect_events(message + message, {is_binary(""), is_binary("")}, kLimits);
  expect_events(in_fragments(kRsv1 | kBinary, exact, 10'000), {is_binary("")}, kLimits);
  // One byte more is refused in the header.
  expect_refused(frame(kRsv1 | kBinary, exact + '\0').substr(0, 10), DecodeError::kCompressedTooBig, 0,
                 kLimits);
  expect_refused(frame(kRsv1 | kBinary, exact) + frame(0, "x").substr(0, 2), DecodeError::kCompressedTooBig,
                 0, kLimits);
}

// --- The ratio ------------------------------------------------------------------------------------------

constexpr DecoderLimits kRatioLimits{.message_bytes_max = 100'000, .inflate_ratio_max = 20};

// What came out of a stream before it was refused for its ratio; what went in of the messages that did.
struct Bomb {
  uint64_t inflated = 0;
  uint64_t compressed = 0;
  std::optional<DecodeError> error;
};

Bomb explode(BytesView stream, DecoderLimits limits, const DeflateParameters& parameters) {
  Decoder decoder(limits, parameters);
  Bomb out;
  size_t memory_max = 0;
  while (!stream.empty() && !out.error) {
    BytesView chunk = stream.substr(0, 1'000);
    stream.remove_prefix(chunk.size());
    while (!out.error) {
      const auto event = decoder.next(chunk);
      memory_max = std::max(memory_max, decoder.memory_bytes());
      if (!event) {
        out.error = event.error();
      } else if (event->kind == EventKind::kNeedMore) {
        break;
      } else {
        out.inflated = decoder.counters().inflated_bytes;
        out.compressed = decoder.counters().compressed_bytes;
        // The promise, at each message.
        EXPECT_LE(out.inflated, limits.inflate_ratio_max * out.compressed + limits.message_bytes_max);
      }
    }
  }
  EXPECT_LE(memory_max, 2 * limits.message_bytes_max + Inflater::kMemoryBytesMax);
  return out;
}

TEST(DecoderDeflate, AllowsOneMessageOfAnyRatio) {
  PeerDeflater peer;
  const Bytes payload(kRatioLimits.message_bytes_max, '\0');
  const Bytes bomb = compressed_binary(peer, payload);
  ASSERT_GT(payload.size() / bomb.size(), 500u);
  expect_events(bomb, {is_binary(payload)}, kRatioLimits);
  expect_refused(bomb + compressed_binary(peer, payload), DecodeError::kInflatesTooMuch, 1, kRatioLimits);
}

TEST(DecoderDeflate, CountsTheRatioToTheByte) {
  const auto zeros = [](size_t bytes) { return PeerDeflater(15, false).message(Bytes(bytes, '\0')); };
  const Bytes first = zeros(kRatioLimits.message_bytes_max);
  const auto allowed = [&](const Bytes& second) {
    return kRatioLimits.inflate_ratio_max * (first.size() + second.size());
  };
  // A second message that may have just its size: with one byte more it has the same on the wire.
  size_t most = 0;
  for (size_t bytes = 1'000; bytes < 10'000 && most == 0; ++bytes) {
    const Bytes second = zeros(bytes);
    if (allowed(second) == bytes && zeros(bytes + 1).size() == second.size()) most = bytes;
  }
  ASSERT_GT(most, 0u);
  for (const size_t excess : {0, 1}) {
    const Bytes stream =
        frame(kFin | kRsv1 | kBinary, first) + frame(kFin | kRsv1 | kBinary, zeros(most + excess));
    const Outcome outcome = decode(stream, kRatioLimits, SIZE_MAX, kNoTakeover);
    EXPECT_EQ(outcome.error.has_value(), excess == 1);
    EXPECT_TRUE(decode(stream, kRatioLimits, 1, kNoTakeover) == outcome);
  }
}

TEST(DecoderDeflate, LetsNothingBeSavedUp) {
  // However much honest traffic there was before.
  Prng prng(1);
  PeerDeflater peer;
  Bytes stream;
  for (int i = 0; i < 50; ++i) {
    Bytes noise(10'000, '\0');
    for (char& c : noise) c = static_cast<char>(prng.next());
    stream += compressed_binary(peer, noise);
  }
  for (int i = 0; i < 2; ++i) stream += compressed_binary(peer, Bytes(kRatioLimits.message_bytes_max, '\0'));
  expect_refused(stream, DecodeError::kInflatesTooMuch, 51, kRatioLimits);
}

TEST(DecoderDeflate, LetsTheExcessBeMadeUpFor) {
  Prng prng(1);
  PeerDeflater peer;
  Bytes stream;
  for (int round = 0; round < 5; ++round) {
    stream += compressed_binary(peer, Bytes(kRatioLimits.message_bytes_max, '\0'));
    Bytes noise(10'000, '\0');
    for (char& c : noise) c = static_cast<char>(prng.next());
    stream += compressed_binary(peer, noise);
  }
  EXPECT_FALSE(decode(stream, kRatioLimits, SIZE_MAX, kTakeover).error);
}

TEST(DecoderDeflate, StopsEverySequenceOfBombs) {
  const auto repeat = [](auto make) {
    Bytes out;
    for (int i = 0; i < 2'000; ++i) out += make(i);
    return out;
  };
  const Bytes small_zeros(2'000, '\0');
  {  // Many small messages, with and without context takeover.
    PeerDeflater takeover;
    PeerDeflater none(15, false);
    const auto a = explode(repeat([&](int) { return compressed_binary(takeover, small_zeros); }),
                           kRatioLimits, kTakeover);
    EXPECT_EQ(a.error, DecodeError::kInflatesTooMuch);
    const auto b =
        explode(repeat([&](int) { return compressed_binary(none, small_zeros); }), kRatioLimits, kNoTakeover);
    EXPECT_EQ(b.error, DecodeError::kInflatesTooMuch);
  }
  {  // In fragments of a byte, with empty ones in between.
    PeerDeflater peer;
    const auto bomb = explode(repeat([&](int i) {
                                const Bytes wire = peer.message(Bytes(20'000, '\0'));
                                return i % 2 == 0
                                           ? in_fragments(kRsv1 | kBinary, wire, 1)
                                           : frame(kRsv1 | kBinary, "") + frame(0, wire) + frame(kFin, "");
                              }),
                              kRatioLimits, kTakeover);
    EXPECT_EQ(bomb.error, DecodeError::kInflatesTooMuch);
  }
  {  // With final blocks and flushes in between, and uncompressed messages that are to pay for it.
    PeerDeflater peer;
    const auto bomb =
        explode(repeat([&](int) {
                  Bytes wire = peer.blocks(small_zeros, Z_FINISH);
                  wire += peer.blocks(small_zeros);
                  wire += peer.message(small_zeros);
                  return frame(kFin | kRsv1 | kBinary, wire) + testing::binary(Bytes(1'000, 'x'));
                }),
                kRatioLimits, kTakeover);
    EXPECT_EQ(bomb.error, DecodeError::kInflatesTooMuch);
  }
  {  // One message that never ends: its own limit, whatever lies between the blocks.
    PeerDeflater peer;
    Bytes stream = frame(kRsv1 | kBinary, peer.blocks("x"));
    stream += repeat([&](int) { return frame(0, peer.blocks(small_zeros)) + frame(0, testing::kSyncFlush); });
    EXPECT_EQ(explode(stream, kRatioLimits, kTakeover).error, DecodeError::kMessageTooBig);
  }
  {  // Nothing but blocks without content, in one message: the limit on its compressed bytes.
    Bytes stream = frame(kRsv1 | kBinary, testing::kSyncFlush);
    for (int i = 0; i < 100; ++i) stream += repeat([&](int) { return frame(0, testing::kSyncFlush); });
    const auto bomb = explode(stream, kRatioLimits, kTakeover);
    EXPECT_EQ(bomb.error, DecodeError::kCompressedTooBig);
  }
}

// What honest servers send at most: the same message again and again.
TEST(DecoderDeflate, TakesTheSameMessageForEver) {
  Prng prng(1);
  for (const size_t size : {20, 200, 1'000, 4'000, 16'000, 30'000}) {
    Bytes payload;
    while (payload.size() < size) payload += std::to_string(prng.next());
    for (const int level : {1, 6, 9}) {
      PeerDeflater peer(15, true, level);
      Decoder decoder({.message_bytes_max = 100'000}, kTakeover);
      for (int i = 0; i < 2'000; ++i) {
        const Bytes stream = compressed_text(peer, payload);
        BytesView input = stream;
        const auto event = decoder.next(input);
        ASSERT_TRUE(event) << describe(event.error()) << " after " << i << " messages of " << size
                           << " bytes";
        ASSERT_EQ(event->payload, payload);
      }
    }
  }
}

// --- Chunks, memory, counters -----------------------------------------------------------------------------

Bytes sample_stream() {
  PeerDeflater peer;
  Bytes out = compressed_text(peer, "caf\xC3\xA9 \xF0\x9F\x98\x80") + testing::text("plain");
  out += in_fragments(kRsv1 | kText, peer.message("caf\xC3\xA9 caf\xC3\xA9 \xE2\x82\xAC"), 4);
  out += testing::ping("ping");
  Bytes blocks = peer.blocks("final", Z_FINISH);
  blocks += peer.message("more");
  out += frame(kFin | kRsv1 | kBinary, blocks);
  out += compressed_binary(peer, "");
  out += compressed_text(peer, Bytes(300, 'x')) + testing::close(3001, "done");
  return out;
}

TEST(DecoderDeflate, IsTheSameAtEveryPairOfSplits) {
  const Bytes stream = sample_stream();
  const Outcome whole = decode(stream, {}, SIZE_MAX, kTakeover);
  ASSERT_FALSE(whole.error) << describe(*whole.error);
  ASSERT_EQ(whole.events.size(), 8u);
  const BytesView view = stream;
  for (size_t i = 0; i <= stream.size(); ++i) {
    for (size_t j = i; j <= stream.size(); ++j) {
      Decoder decoder({}, kTakeover);
      Outcome outcome;
      for (const BytesView chunk : {view.substr(0, i), view.substr(i, j - i), view.substr(j)}) {
        testing::feed(decoder, chunk, outcome);
      }
      ASSERT_EQ(outcome, whole) << "split at " << i << " and " << j;
    }
  }
}

TEST(DecoderDeflate, FindsTheSameErrorInAnyChunks) {
  constexpr DecoderLimits kLimits{.message_bytes_max = 200, .inflate_ratio_max = 3};
  for (uint64_t seed = 0; seed < 5'000; ++seed) {
    Prng prng(seed);
    Bytes stream = sample_stream();
    for (uint64_t i = 1 + prng.below(4); i > 0; --i) {
      stream[prng.below(stream.size())] = static_cast<char>(prng.next());
    }
    const DecoderLimits limits = prng.chance(1, 2) ? kLimits : DecoderLimits{};
    const Outcome whole = decode(stream, limits, SIZE_MAX, kTakeover);
    ASSERT_EQ(decode(stream, limits, 1, kTakeover), whole) << "seed " << seed;
    ASSERT_EQ(decode(stream, limits, 1 + prng.below(40), kTakeover), whole) << "seed " << seed;
  }
}

TEST(DecoderDeflate, CountsWhatCompressionSaved) {
  PeerDeflater peer;
  Decoder decoder({}, kTakeover);
  const Bytes wire = peer.message(Bytes(1'000, 'x'));
  const Bytes stream = frame(kFin | kRsv1 | kText, wire) + testing::text("plain");
  BytesView input = stream;
  ASSERT_TRUE(decoder.next(input));
  ASSERT_TRUE(decoder.next(input));
  EXPECT_EQ(decoder.counters().messages, 2u);
  EXPECT_EQ(decoder.counters().message_bytes, 1'005u);
  EXPECT_EQ(decoder.counters().compressed_messages, 1u);
  EXPECT_EQ(decoder.counters().compressed_bytes, wire.size());
  EXPECT_EQ(decoder.counters().inflated_bytes, 1'000u);
}

TEST(DecoderDeflate, GivesMemoryBackWhenIdle) {
  for (const bool forgets : {true, false}) {
    PeerDeflater peer(15, !forgets);
    Decoder decoder({}, forgets ? kNoTakeover : kTakeover);
    for (int i = 0; i < 3; ++i) {
      const Bytes stream = compressed_text(peer, Bytes(100'000, 'x'));
      BytesView input = BytesView(stream).substr(0, 20);
      BytesView rest = BytesView(stream).substr(20);
      ASSERT_TRUE(decoder.next(input));
      decoder.release_idle();  // nothing happens: a message is unfinished
      const auto event = decoder.next(rest);
      ASSERT_TRUE(event) << describe(event.error());
      EXPECT_EQ(event->payload.size(), 100'000u);
      EXPECT_GT(decoder.memory_bytes(), 100'000u);
      decoder.release_idle();
      EXPECT_LE(decoder.memory_bytes(), forgets ? 100u : 100u + Inflater::kMemoryBytesMax);
    }
  }
}

TEST(DecoderDeflate, RetiresWithoutMemory) {
  PeerDeflater peer;
  const Bytes wire = peer.message(Bytes(100'000, 'x'));
  const Bytes stream = testing::text("whole") + frame(kRsv1 | kText, BytesView(wire).substr(0, 100));
  Decoder decoder({}, kTakeover);
  BytesView input = stream;
  ASSERT_TRUE(decoder.next(input) && decoder.next(input));
  ASSERT_GT(decoder.memory_bytes(), Inflater::kMemoryBytesMax / 2);
  decoder.retire();
  EXPECT_LT(decoder.memory_bytes(), 100u);
  EXPECT_FALSE(decoder.unfinished());
  EXPECT_EQ(decoder.counters().messages, 1u);
  EXPECT_EQ(decoder.next(input).error(), DecodeError::kDataAfterClose);
}

}  // namespace
}  // namespace icws::ws
