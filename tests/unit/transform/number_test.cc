#include "transform/detail/number.h"

#include <gtest/gtest.h>

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

TEST(Number, KeepsTokensThatDoNotRoundTrip) {
  for (const char* token : {"9007199254740993", "0.1000000000000000055", "1e400", "-1E400", "1e-400",
                            "1e99999999999", "333333333.33333329", "10e399"}) {
    EXPECT_EQ(number(token), token);
  }
}

}  // namespace
}  // namespace icws::transform::detail
