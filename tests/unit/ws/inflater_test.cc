#include "ws/inflater.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "tests/unit/ws/peer_deflate.h"

namespace icws::ws {
namespace {

using namespace std::string_literals;
using testing::PeerDeflater;

constexpr uint64_t kNoLimit = 1 << 30;

using Result = std::expected<Bytes, InflateError>;

// One message in pieces of a size.
Result inflate(Inflater& inflater, BytesView wire, size_t piece_bytes = SIZE_MAX, uint64_t limit = kNoLimit) {
  MessageBuffer out;
  while (!wire.empty()) {
    // In memory of its own, so that sanitizers see a read beyond it.
    const std::vector<char> piece(wire.begin(),
                                  wire.begin() + static_cast<ptrdiff_t>(std::min(piece_bytes, wire.size())));
    wire.remove_prefix(piece.size());
    if (const auto fed = inflater.feed({piece.data(), piece.size()}, out, limit); !fed)
      return std::unexpected(fed.error());
  }
  if (const auto finished = inflater.finish(out, limit); !finished) return std::unexpected(finished.error());
  return Bytes(out.view());
}

// Whole and byte by byte.
void expect_inflates(BytesView wire, BytesView payload) {
  for (const size_t piece : {SIZE_MAX, size_t{1}}) {
    Inflater inflater(true);
    EXPECT_EQ(inflate(inflater, wire, piece), Bytes(payload)) << to_hex(wire);
  }
}

void expect_corrupt(BytesView wire) {
  for (const size_t piece : {SIZE_MAX, size_t{1}}) {
    Inflater inflater(true);
    EXPECT_EQ(inflate(inflater, wire, piece), std::unexpected(InflateError::kCorrupt)) << to_hex(wire);
  }
}

TEST(Inflater, ReadsTheExamplesOfRfc7692Section723) {
  expect_inflates("\xf2\x48\xcd\xc9\xc9\x07\x00"s, "Hello");                          // 7.2.3.1
  expect_inflates("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s, "Hello");          // 7.2.3.3
  expect_inflates("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s, "Hello");                      // 7.2.3.4
  expect_inflates("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s, "Hello");  // 7.2.3.5
  expect_inflates("\x00"s, "");                                                       // 7.2.3.6
}

TEST(Inflater, SharesTheWindowBetweenMessages) {  // 7.2.3.2
  Inflater sharing(true);
  EXPECT_EQ(inflate(sharing, "\xf2\x48\xcd\xc9\xc9\x07\x00"s), "Hello");
  EXPECT_EQ(inflate(sharing, "\xf2\x00\x11\x00\x00"s), "Hello");
  Inflater forgetful(false);
  EXPECT_EQ(inflate(forgetful, "\xf2\x48\xcd\xc9\xc9\x07\x00"s), "Hello");
  EXPECT_EQ(inflate(forgetful, "\xf2\x48\xcd\xc9\xc9\x07\x00"s), "Hello");
  EXPECT_EQ(inflate(forgetful, "\xf2\x00\x11\x00\x00"s), std::unexpected(InflateError::kCorrupt));
}

TEST(Inflater, ReadsManyBlocksAndFinalOnes) {
  PeerDeflater peer;
  Bytes wire;
  Bytes payload;
  for (int i = 0; i < 100; ++i) {
    const Bytes part = "part " + std::to_string(i % 7);
    const int flush = i % 3 == 0 ? Z_FINISH : i % 3 == 1 ? Z_SYNC_FLUSH : Z_FULL_FLUSH;
    wire += peer.blocks(part, flush);
    payload += part;
  }
  expect_inflates(wire + '\0', payload);
  // Blocks without content: stored, fixed, final.
  const Bytes empty =
      "\x00\x00\x00\xff\xff"s + "\x02\x00\x00\x00\xff\xff"s + "\x03\x00"s + "\x01\x00\x00\xff\xff"s;
  expect_inflates(empty + empty + '\0', "");
}

TEST(Inflater, KeepsTheWindowBeyondAFinalBlock) {
  Inflater inflater(true);
  EXPECT_EQ(inflate(inflater, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s), "Hello");
  EXPECT_EQ(inflate(inflater, "\xf2\x00\x11\x00\x00"s), "Hello");
  // And inside of a message.
  expect_inflates("\xf3\x48\xcd\xc9\xc9\x07\x00"s + "\xf2\x00\x11\x00\x00"s, "HelloHello");
}

TEST(Inflater, RefusesWhatIsNotWholeAtTheEnd) {
  expect_corrupt("");
  expect_corrupt("\xf2\x48\xcd"s);
  expect_corrupt("\xf2\x48\xcd\xc9\xc9\x07"s);
  // Nothing follows the final block: the tail has no block to end.
  expect_corrupt("\xf3\x48\xcd\xc9\xc9\x07\x00"s);
  // The tail was not cut off, or half of it.
  expect_corrupt("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff"s);
  expect_corrupt("\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00"s);
  // A stored block that would take the tail for its content.
  expect_corrupt("\x00\x04\x00\xfb\xff"s);
  expect_corrupt("\x00\x08\x00\xf7\xff\x41\x41\x41\x41"s);
}

TEST(Inflater, RefusesWhatIsNotDeflate) {
  expect_corrupt("\x06"s);                                  // block type 3
  expect_corrupt("\x00\x05\x00\x00\x00Hello\x00"s);         // length and its complement
  expect_corrupt("Hello");                                  // text
  expect_corrupt("\x78\x9c\xf2\x48\xcd\xc9\xc9\x07\x00"s);  // zlib's header
  expect_corrupt("\xf2\x00\x11\x00\x00"s);                  // a reference to before the beginning
  // Garbage behind whole blocks, also behind a final one.
  expect_corrupt("\xf2\x48\xcd\xc9\xc9\x07\x00garbage"s);
  expect_corrupt("\xf3\x48\xcd\xc9\xc9\x07\x00garbage"s);
}

TEST(Inflater, GivesTheSameInPiecesOfEverySize) {
  Prng prng(1);
  Bytes payload;
  while (payload.size() < 20'000) payload += "{\"n\":" + std::to_string(prng.below(1'000)) + "}";
  for (const int bits : {9, 12, 15}) {
    PeerDeflater peer(bits);
    const Bytes first = peer.message(payload);
    const Bytes second = peer.message(payload);
    for (size_t piece = 1; piece <= first.size(); piece += 1 + piece / 3) {
      Inflater inflater(true);
      ASSERT_TRUE(inflate(inflater, first, piece) == payload) << piece;
      ASSERT_TRUE(inflate(inflater, second, piece) == payload) << piece;
    }
  }
}

TEST(Inflater, AllowsExactlyTheLimit) {
  for (const size_t size : {1, 2, 1'023, 1'024, 1'025, 65'535, 65'536, 65'537, 300'000}) {
    for (const Bytes& payload :
         {Bytes(size, 'x'), Bytes(size / 2 + 1, 'y').append(size - size / 2 - 1, '\0')}) {
      PeerDeflater peer;
      const Bytes wire = peer.message(payload);
      for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{7}}) {
        Inflater inflater(true);
        EXPECT_TRUE(inflate(inflater, wire, piece, size) == payload) << size;
        Inflater strict(true);
        const auto refused = inflate(strict, wire, piece, size - 1);
        EXPECT_TRUE(refused == std::unexpected(InflateError::kTooBig)) << size;
      }
    }
  }
}

TEST(Inflater, StopsABombAtTheLimitAndTakesNoMoreMemoryThanThat) {
  constexpr uint64_t kLimit = 100'000;
  PeerDeflater peer;
  // Also when it comes at once, and when the excess lies in the last block.
  const Bytes bomb = peer.message(Bytes(50'000'000, '\0'));
  Inflater inflater(true);
  MessageBuffer out;
  EXPECT_EQ(inflater.feed(bomb, out, kLimit), std::unexpected(InflateError::kTooBig));
  EXPECT_TRUE(out.view() == Bytes(kLimit, '\0'));
  EXPECT_LE(out.capacity(), 2 * kLimit + 1);
  EXPECT_LE(inflater.memory_bytes(), Inflater::kMemoryBytesMax);
}

TEST(Inflater, TakesMemoryWithTheFirstMessageAndStatesIt) {
  PeerDeflater peer(15, false);
  const Bytes wire = peer.message(Bytes(100'000, 'x'));
  for (const bool context_takeover : {false, true}) {
    Inflater inflater(context_takeover);
    EXPECT_EQ(inflater.memory_bytes(), 0u);
    ASSERT_TRUE(inflate(inflater, wire));
    EXPECT_GT(inflater.memory_bytes(), 32u * 1024);
    EXPECT_LE(inflater.memory_bytes(), Inflater::kMemoryBytesMax);
    inflater.release_idle();
    EXPECT_EQ(inflater.memory_bytes() == 0, !context_takeover);
    EXPECT_TRUE(inflate(inflater, wire));
  }
}

}  // namespace
}  // namespace icws::ws
