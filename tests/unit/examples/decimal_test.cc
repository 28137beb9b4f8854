#include "examples/feed/decimal.h"

#include <gtest/gtest.h>

namespace icws::examples {
namespace {

Decimal decimal(std::string_view text) { return Decimal::from(text).value(); }

TEST(Decimal, ComparesByValue) {
  EXPECT_EQ(decimal("1.50"), decimal("01.5"));
  EXPECT_EQ(decimal("0.000"), Decimal());
  EXPECT_LT(decimal("0.000002199"), decimal("0.0000022"));
  EXPECT_LT(decimal("9.99"), decimal("10"));
  EXPECT_LT(decimal("1"), decimal("1.00000000000000000001"));
}

TEST(Decimal, SeesWhatDoublesDoNot) {
  EXPECT_LT(decimal("9007199254740992"), decimal("9007199254740993"));
  EXPECT_LT(decimal("0.1"), decimal("0.10000000000000000555"));
}

TEST(Decimal, RefusesEverythingElse) {
  for (const char* text : {"", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1.2.3", " 1", "NaN"}) {
    EXPECT_FALSE(Decimal::from(text)) << text;
  }
  EXPECT_TRUE(Decimal::from(std::string(64, '1')));
  EXPECT_FALSE(Decimal::from(std::string(65, '1')));
}

TEST(Decimal, KnowsZero) {
  EXPECT_TRUE(decimal("0").is_zero());
  EXPECT_TRUE(decimal("0.00").is_zero());
  EXPECT_FALSE(decimal("0.01").is_zero());
}

}  // namespace
}  // namespace icws::examples
