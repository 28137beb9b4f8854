#include "transform/detail/number.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>

#include "base/prng.h"

namespace icws::transform::detail {
namespace {

Bytes number(BytesView token) {
  Bytes out;
  append_number(token, out);
  return out;
}

TEST(Number, WritesEs6Form) {
  // RFC 8785, Appendix B: the finite rows whose text is their exact token too.
  for (const char* token : {"5e-324",
                            "-5e-324",
                            "1.7976931348623157e+308",
                            "-1.7976931348623157e+308",
                            "9007199254740992",
                            "-9007199254740992",
                            "295147905179352830000",
                            "9.999999999999997e+22",
                            "1e+23",
                            "1.0000000000000001e+23",
                            "999999999999999700000",
                            "999999999999999900000",
                            "1e+21",
                            "9.999999999999997e-7",
                            "0.000001",
                            "333333333.3333332",
                            "333333333.33333325",
                            "333333333.3333333",
                            "333333333.3333334",
                            "333333333.33333343",
                            "-0.0000033333333333333333",
                            "1424953923781206.2"}) {
    EXPECT_EQ(number(token), token);
  }
  // RFC 8785, section 3.2.2.
  EXPECT_EQ(number("1E30"), "1e+30");
  EXPECT_EQ(number("4.50"), "4.5");
  EXPECT_EQ(number("2e-3"), "0.002");
  EXPECT_EQ(number("0.000000000000000000000000001"), "1e-27");
  EXPECT_EQ(number("1.0"), "1");
  EXPECT_EQ(number("1E2"), "100");
  for (const char* zero : {"0", "-0", "0.0", "-0.000", "0e5", "0e99999999999"}) EXPECT_EQ(number(zero), "0");
}

// A double's shortest decimal with an exponent, as printf would write it, becomes ES6's form of it.
TEST(Number, WritesTheDoublesOfAppendixB) {
  // RFC 8785, Appendix B, without NaN and Infinity.
  static constexpr std::pair<uint64_t, const char*> kRows[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"}};
  for (const auto& [bits, expected] : kRows) {
    char text[32];
    const auto value = std::bit_cast<double>(bits);
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
    EXPECT_EQ(number({text, static_cast<size_t>(end - text)}), expected);
  }
}

// The short cut for up to 15 digits against the way through a double.
TEST(Number, KeepsTheValueOfShortDecimals) {
  Prng prng(1);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t digits = 1 + prng.next() % (i % 2 == 0 ? 999'999'999'999'999 : 9'999'999);
    const int exponent = static_cast<int>(prng.below(560)) - 280;
    const Bytes token = std::to_string(digits) + "e" + std::to_string(exponent);
    const Bytes written = number(token);
    double value = 0;
    std::from_chars(token.data(), token.data() + token.size(), value);
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
    ASSERT_EQ(number({text, static_cast<size_t>(end - text)}), written) << token;
    ASSERT_EQ(number(written), written);
  }
}

TEST(Number, KeepsTokensThatDoNotRoundTrip) {
  for (const char* token :
       {"9007199254740993", "0.1000000000000000055", "1e400", "-1E400", "1e-400", "1e99999999999",
        "333333333.33333329", "10e399", "123456789012345678", "1e-323", "4e-324", "1000000000000000000001"}) {
    EXPECT_EQ(number(token), token);
  }
}

}  // namespace
}  // namespace icws::transform::detail
