#include "ws/utf8.h"

#include <gtest/gtest.h>

namespace icws::ws {
namespace {

using namespace std::string_literals;

// How many bytes are taken before the validator fails; the whole size if it does not.
size_t accepted_bytes(BytesView text) {
  Utf8Validator validator;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!validator.feed(text.substr(i, 1))) return i;
  }
  return text.size();
}

// Whole, behind ASCII of several lengths (the fast paths), and at every split.
bool valid_everywhere(BytesView text) {
  const bool valid = utf8_valid(text);
  for (const size_t before : {1, 7, 8, 31, 32, 40}) {
    EXPECT_EQ(utf8_valid(Bytes(before, 'a') + Bytes(text) + Bytes(before, 'b')), valid) << to_hex(text);
  }
  for (size_t i = 0; i <= text.size(); ++i) {
    Utf8Validator validator;
    EXPECT_EQ(validator.feed(text.substr(0, i)) && validator.feed(text.substr(i)) && validator.complete(),
              valid)
        << to_hex(text) << " split at " << i;
  }
  return valid;
}

Bytes encoded(uint32_t point) {
  const auto tail = [point](int shift) { return static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xC0 | point >> 6), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xE0 | point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | point >> 18), tail(12), tail(6), tail(0)};
}

TEST(Utf8, TakesExactlyTheScalarValues) {
  for (uint32_t point = 0; point < 0x120000; ++point) {
    const bool scalar = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
    ASSERT_EQ(utf8_valid(encoded(point)), scalar) << std::hex << point;
  }
}

TEST(Utf8, JudgesEveryPairOfBytes) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const Bytes text = {static_cast<char>(first), static_cast<char>(second)};
      const bool two = first >= 0xC2 && first <= 0xDF && second >= 0x80 && second <= 0xBF;
      ASSERT_EQ(utf8_valid(text), two || (first < 0x80 && second < 0x80)) << to_hex(text);
    }
  }
}

TEST(Utf8, TakesTheEdgesOfEveryLength) {
  for (const Bytes& text : {""s, "\0"s, "\x7F"s, "\xC2\x80"s, "\xDF\xBF"s, "\xE0\xA0\x80"s, "\xED\x9F\xBF"s,
                            "\xEE\x80\x80"s, "\xEF\xBF\xBD"s, "\xEF\xBF\xBF"s, "\xF0\x90\x80\x80"s,
                            "\xF4\x8F\xBF\xBF"s, "\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5"s}) {
    EXPECT_TRUE(valid_everywhere(text)) << to_hex(text);
  }
}

TEST(Utf8, RefusesOverlongForms) {
  for (const Bytes& text : {"\xC0\x80"s, "\xC0\xAF"s, "\xC1\xBF"s, "\xE0\x80\x80"s, "\xE0\x80\xAF"s,
                            "\xE0\x9F\xBF"s, "\xF0\x80\x80\x80"s, "\xF0\x80\x80\xAF"s, "\xF0\x8F\xBF\xBF"s,
                            "\xF8\x87\xBF\xBF\xBF"s, "\xFC\x80\x80\x80\x80\xAF"s}) {
    EXPECT_FALSE(valid_everywhere(text)) << to_hex(text);
  }
}

TEST(Utf8, RefusesSurrogatesAndWhatIsAboveUnicode) {
  for (const Bytes& text : {"\xED\xA0\x80"s, "\xED\xAD\xBF"s, "\xED\xAE\x80"s, "\xED\xBF\xBF"s,
                            "\xED\xA0\x80\xED\xB0\x80"s, "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s,
                            "\xF7\xBF\xBF\xBF"s, "\xFB\xBF\xBF\xBF\xBF"s, "\xFE"s, "\xFF"s}) {
    EXPECT_FALSE(valid_everywhere(text)) << to_hex(text);
  }
}

TEST(Utf8, RefusesBrokenSequences) {
  for (const Bytes& text : {"\x80"s, "\xBF"s, "\x80\xBF\x80"s, "\xC3 "s, "\xE2\x82 "s, "\xE2 \xAC"s,
                            "\xF0\x9F\x98 "s, "\xC3\xC3\xA9"s, "\xE2\x82\xE2\x82\xAC"s, "\xC3\xA9\xA9"s}) {
    EXPECT_FALSE(valid_everywhere(text)) << to_hex(text);
  }
  for (const Bytes& text : {"\xC3"s, "\xE2"s, "\xE2\x82"s, "\xF0"s, "\xF0\x9F"s, "\xF0\x9F\x98"s}) {
    EXPECT_FALSE(valid_everywhere(text)) << to_hex(text);
  }
}

TEST(Utf8, FailsAtTheFirstImpossibleByte) {
  EXPECT_EQ(accepted_bytes("ab\xC0\x80"), 2u);
  EXPECT_EQ(accepted_bytes("\xE0\x80\x80"), 1u);
  EXPECT_EQ(accepted_bytes("\xED\xA0\x80"), 1u);
  EXPECT_EQ(accepted_bytes("\xF0\x80\x80\x80"), 1u);
  EXPECT_EQ(accepted_bytes("\xF4\x90\x80\x80"), 1u);
  EXPECT_EQ(accepted_bytes("\xF4\x8F\xBF\xC0"), 3u);
  EXPECT_EQ(accepted_bytes("\xE2\x82\xAC"), 3u);
}

TEST(Utf8, StaysFailedUntilReset) {
  Utf8Validator validator;
  EXPECT_FALSE(validator.feed("\xFF"));
  EXPECT_FALSE(validator.feed("a"));
  validator.reset();
  EXPECT_TRUE(validator.feed("a"));
  EXPECT_TRUE(validator.complete());
}

TEST(Utf8, FindsOneBadByteAnywhereInLongText) {
  for (size_t size = 1; size < 80; ++size) {
    Bytes text(size, 'x');
    ASSERT_TRUE(utf8_valid(text));
    for (size_t i = 0; i < size; ++i) {
      text[i] = '\x80';
      ASSERT_FALSE(utf8_valid(text)) << i << " of " << size;
      text[i] = 'x';
    }
  }
}

}  // namespace
}  // namespace icws::ws
