#include "ws/deflater.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "tests/unit/ws/peer_deflate.h"
#include "ws/encoder.h"

namespace icws::ws {
namespace {

using testing::PeerInflater;

DeflateParameters client_bits(uint8_t bits) { return {.client_max_window_bits = bits}; }

// Compressible over distances of all sizes.
Bytes sample(Prng& prng, size_t bytes) {
  Bytes out;
  while (out.size() < bytes) {
    if (out.size() > 10 && prng.chance(1, 2)) {
      const size_t from = prng.below(out.size());
      out += Bytes(BytesView(out).substr(from, 3 + prng.below(300)));
    } else {
      out += "{\"n\":" + std::to_string(prng.next()) + "}";
    }
  }
  out.resize(bytes);
  return out;
}

Bytes noise(Prng& prng, size_t bytes) {
  Bytes out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(prng.next());
  return out;
}

TEST(Deflater, IsUnderstoodByAPeerWithNoMoreWindowThanWasAgreed) {
  for (uint8_t bits = 8; bits <= 15; ++bits) {
    for (const bool takeover : {true, false}) {
      Prng prng(bits);
      DeflateParameters parameters = client_bits(bits);
      parameters.client_no_context_takeover = !takeover;
      Deflater deflater(parameters);
      PeerInflater peer(bits, takeover);
      for (int i = 0; i < 20; ++i) {
        const Bytes payload = sample(prng, 200 + prng.below(50'000));
        Bytes wire;
        ASSERT_TRUE(deflater.compress(payload, wire));
        ASSERT_LT(wire.size(), payload.size());
        ASSERT_TRUE(peer.message(wire) == payload) << int{bits} << " bits, message " << i;
      }
    }
  }
}

// The peer of the test above is able to notice.
TEST(Deflater, WouldNotBeUnderstoodWithALargerWindow) {
  Prng prng(1);
  Deflater deflater(client_bits(10));
  PeerInflater peer(9);
  Bytes wire;
  ASSERT_TRUE(deflater.compress(sample(prng, 50'000), wire));
  EXPECT_EQ(peer.message(wire), std::nullopt);
}

TEST(Deflater, KeepsToItsOwnWindowIfThatIsSmaller) {
  Prng prng(1);
  Deflater deflater(client_bits(15), 9);
  PeerInflater peer(9);
  const Bytes payload = sample(prng, 50'000);
  Bytes wire;
  ASSERT_TRUE(deflater.compress(payload, wire));
  EXPECT_TRUE(peer.message(wire) == payload);
  EXPECT_LE(deflater.memory_bytes(), Deflater::memory_bytes_max(9));
}

TEST(Deflater, SharesTheWindowBetweenMessagesOnlyIfAgreed) {
  Prng prng(1);
  const Bytes payload = sample(prng, 2'000);
  Bytes first;
  Bytes second;
  Deflater sharing(client_bits(15));
  ASSERT_TRUE(sharing.compress(payload, first) && sharing.compress(payload, second));
  EXPECT_LT(second.size(), first.size() / 4);
  Deflater forgetful({.client_no_context_takeover = true});
  ASSERT_TRUE(forgetful.compress(payload, first) && forgetful.compress(payload, second));
  EXPECT_EQ(second, first);
}

TEST(Deflater, LeavesShortMessagesAlone) {
  Deflater deflater(client_bits(15));
  Bytes out;
  EXPECT_FALSE(deflater.compress("", out));
  EXPECT_FALSE(deflater.compress(Bytes(Deflater::kMessageBytesMin - 1, 'x'), out));
  EXPECT_EQ(deflater.memory_bytes(), 0u);
  EXPECT_TRUE(deflater.compress(Bytes(Deflater::kMessageBytesMin, 'x'), out));
}

TEST(Deflater, LeavesAloneWhatDoesNotGetSmallerAndStaysUnderstood) {
  Prng prng(1);
  Deflater deflater(client_bits(15));
  PeerInflater peer;
  const Bytes payload = sample(prng, 5'000);
  for (int i = 0; i < 10; ++i) {
    Bytes wire;
    ASSERT_TRUE(deflater.compress(payload, wire));
    ASSERT_TRUE(peer.message(wire) == payload);
    ASSERT_FALSE(deflater.compress(noise(prng, 1'000), wire));
  }
}

TEST(Deflater, GivesItsMemoryBackAndStaysUnderstood) {
  Prng prng(1);
  Deflater deflater(client_bits(15));
  PeerInflater peer;
  for (int i = 0; i < 5; ++i) {
    const Bytes payload = sample(prng, 5'000);
    Bytes wire;
    ASSERT_TRUE(deflater.compress(payload, wire));
    ASSERT_TRUE(peer.message(wire) == payload);
    if (i % 2 == 0) deflater.release_idle();
    EXPECT_EQ(deflater.memory_bytes() == 0, i % 2 == 0);
  }
}

TEST(Deflater, TakesNoMoreMemoryThanItStates) {
  EXPECT_LE(Deflater::memory_bytes_max(8), 17u * 1024);
  EXPECT_LE(Deflater::memory_bytes_max(12), 39u * 1024);
  EXPECT_LE(Deflater::memory_bytes_max(15), 263u * 1024);
  for (uint8_t bits = 8; bits <= 15; ++bits) {
    Prng prng(1);
    Deflater deflater(client_bits(bits));
    Bytes wire;
    ASSERT_TRUE(deflater.compress(sample(prng, 200'000), wire));
    EXPECT_LE(deflater.memory_bytes(), Deflater::memory_bytes_max(bits)) << int{bits};
    EXPECT_GE(deflater.memory_bytes(), Deflater::memory_bytes_max(bits) * 9 / 10) << int{bits};
  }
}

TEST(Deflater, MakesFramesWithRsv1) {
  constexpr MaskKey kNoMask{};
  Deflater deflater(client_bits(15));
  PeerInflater peer;
  const Bytes payload(1'000, 'x');
  for (const uint8_t opcode : {1, 2}) {
    Bytes out;
    if (opcode == 1) {
      ASSERT_TRUE(append_text(out, payload, kNoMask, &deflater));
    } else {
      append_binary(out, payload, kNoMask, &deflater);
    }
    ASSERT_LT(out.size(), 100u);
    EXPECT_EQ(static_cast<uint8_t>(out[0]), 0xC0 | opcode);
    EXPECT_EQ(static_cast<uint8_t>(out[1]), 0x80 | (out.size() - 6));
    EXPECT_EQ(peer.message(BytesView(out).substr(6)), payload);
  }
  Bytes plain;
  ASSERT_TRUE(append_text(plain, "short", kNoMask, &deflater));
  EXPECT_EQ(plain, Bytes("\x81\x85\0\0\0\0short", 11));
  EXPECT_EQ(append_text(plain, Bytes(1'000, '\xFF'), kNoMask, &deflater),
            std::unexpected(EncodeError::kInvalidUtf8));
}

}  // namespace
}  // namespace icws::ws
