#include "ws/encoder.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace icws::ws {
namespace {

using namespace std::string_literals;

constexpr MaskKey kKey = {0x37, 0xfa, 0x21, 0x3d};

// Takes the one frame in `bytes` apart: its first byte, and its payload unmasked.
std::pair<uint8_t, Bytes> read_frame(const Bytes& bytes, size_t payload_bytes) {
  size_t header = 2;
  if (payload_bytes > 125) header = payload_bytes > 65'535 ? 10 : 4;
  EXPECT_EQ(bytes.size(), header + 4 + payload_bytes);
  EXPECT_TRUE(static_cast<uint8_t>(bytes[1]) & 0x80) << "a client masks";
  Bytes payload = bytes.substr(header + 4);
  for (size_t i = 0; i < payload.size(); ++i)
    payload[i] = static_cast<char>(payload[i] ^ bytes[header + i % 4]);
  return {static_cast<uint8_t>(bytes[0]), payload};
}

TEST(Encoder, WritesTheMaskedExamplesOfRfc6455Section57) {
  Bytes out;
  ASSERT_TRUE(append_text(out, "Hello", kKey));
  EXPECT_EQ(out, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  out.clear();
  ASSERT_TRUE(append_pong(out, "Hello", kKey));
  EXPECT_EQ(out, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
}

TEST(Encoder, WritesEveryLengthFormAtItsEdges) {
  Prng prng(1);
  for (const size_t size : {0, 1, 7, 8, 9, 125, 126, 127, 65'535, 65'536, 65'537}) {
    Bytes payload;
    for (size_t i = 0; i < size; ++i) payload.push_back(static_cast<char>(prng.next()));
    Bytes out;
    append_binary(out, payload, kKey);
    EXPECT_EQ(read_frame(out, size), std::pair(uint8_t{0x82}, payload)) << size;
  }
  Bytes out;
  append_binary(out, Bytes(126, 'x'), kKey);
  EXPECT_EQ(out.substr(0, 4), "\x82\xFE\x00\x7E"s);
  out.clear();
  append_binary(out, Bytes(65'536, 'x'), kKey);
  EXPECT_EQ(out.substr(0, 10), "\x82\xFF\x00\x00\x00\x00\x00\x01\x00\x00"s);
}

TEST(Encoder, AppendsBehindWhatIsThere) {
  Bytes out = "before";
  ASSERT_TRUE(append_text(out, "a", kKey));
  ASSERT_TRUE(append_ping(out, "", kKey));
  EXPECT_EQ(out, "before\x81\x81\x37\xfa\x21\x3d\x56\x89\x80\x37\xfa\x21\x3d");
}

TEST(Encoder, RefusesTextThatIsNotUtf8) {
  Bytes out = "kept";
  EXPECT_EQ(append_text(out, "\xC3", kKey).error(), EncodeError::kInvalidUtf8);
  EXPECT_EQ(append_close(out, 1000, "\xFF", kKey).error(), EncodeError::kInvalidUtf8);
  EXPECT_EQ(out, "kept");
}

TEST(Encoder, RefusesLongControlFrames) {
  Bytes out;
  ASSERT_TRUE(append_ping(out, Bytes(125, 'x'), kKey));
  EXPECT_EQ(read_frame(out, 125), std::pair(uint8_t{0x89}, Bytes(125, 'x')));
  out.clear();
  EXPECT_EQ(append_ping(out, Bytes(126, 'x'), kKey).error(), EncodeError::kControlTooLong);
  EXPECT_EQ(append_pong(out, Bytes(126, 'x'), kKey).error(), EncodeError::kControlTooLong);
  EXPECT_EQ(append_close(out, 1000, Bytes(124, 'x'), kKey).error(), EncodeError::kControlTooLong);
  EXPECT_TRUE(out.empty());
}

TEST(Encoder, WritesCloseFrames) {
  Bytes out;
  ASSERT_TRUE(append_close(out, 3000, Bytes(123, 'r'), kKey));
  EXPECT_EQ(read_frame(out, 125), std::pair(uint8_t{0x88}, "\x0B\xB8" + Bytes(123, 'r')));
  out.clear();
  ASSERT_TRUE(append_close(out, kCloseNoStatus, "", kKey));
  EXPECT_EQ(read_frame(out, 0), std::pair(uint8_t{0x88}, Bytes()));
}

TEST(Encoder, RefusesCloseCodesThatMustNotBeSent) {
  for (const CloseCode code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65'535}) {
    Bytes out;
    EXPECT_EQ(append_close(out, code, "reason", kKey).error(), EncodeError::kBadCloseCode) << code;
    EXPECT_TRUE(out.empty());
  }
}

TEST(Encoder, MasksWithEveryByteOfTheKeyInTurn) {
  for (size_t size = 0; size < 40; ++size) {
    for (size_t offset = 0; offset < 8; ++offset) {
      Bytes buffer(offset + size, 'a');
      apply_mask(buffer.data() + offset, size, kKey);
      for (size_t i = 0; i < size; ++i)
        ASSERT_EQ(static_cast<uint8_t>(buffer[offset + i]), 'a' ^ kKey[i % 4]);
      ASSERT_EQ(buffer.substr(0, offset), Bytes(offset, 'a'));
    }
  }
}

TEST(Encoder, FitsACloseReasonWithoutCuttingACodePoint) {
  EXPECT_EQ(fit_close_reason("short"), "short");
  EXPECT_EQ(fit_close_reason(Bytes(123, 'x')).size(), 123u);
  EXPECT_EQ(fit_close_reason(Bytes(124, 'x')).size(), 123u);
  EXPECT_EQ(fit_close_reason(Bytes(122, 'x') + "\xC3\xA9").size(), 122u);
  EXPECT_EQ(fit_close_reason(Bytes(120, 'x') + "\xF0\x9F\x98\x80").size(), 120u);
  EXPECT_EQ(fit_close_reason(Bytes(119, 'x') + "\xF0\x9F\x98\x80y").size(), 123u);
}

TEST(EncodeError, HasASentence) {
  for (const auto error :
       {EncodeError::kInvalidUtf8, EncodeError::kControlTooLong, EncodeError::kBadCloseCode}) {
    EXPECT_FALSE(describe(error).empty());
  }
}

}  // namespace
}  // namespace icws::ws
