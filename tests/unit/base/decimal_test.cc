#include "base/decimal.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace icws {
namespace {

struct Vector {
  const char* text;
  const char* canonical;
};

// Ascending; made by make_decimal_vectors.py.
const std::vector<Vector> kVectors = {
#include "tests/unit/base/decimal_vectors.inc"
};

Decimal decimal(BytesView text) { return Decimal::parse(text).value(); }

DecimalError fault(BytesView text) {
  const auto parsed = Decimal::parse(text);
  return parsed ? DecimalError{} : parsed.error();
}

TEST(Decimal, WritesWhatPythonCalculates) {
  for (const Vector& vector : kVectors)
    EXPECT_EQ(decimal(vector.text).text(), vector.canonical) << vector.text;
}

TEST(Decimal, OrdersAsPythonDoes) {
  for (size_t a = 0; a < kVectors.size(); ++a) {
    for (size_t b = a; b < kVectors.size(); ++b) {
      const bool same = std::string(kVectors[a].canonical) == kVectors[b].canonical;
      const auto order = decimal(kVectors[a].text) <=> decimal(kVectors[b].text);
      ASSERT_EQ(order == 0, same) << kVectors[a].text << " " << kVectors[b].text;
      ASSERT_TRUE(same || order < 0) << kVectors[a].text << " " << kVectors[b].text;
      ASSERT_EQ(decimal(kVectors[a].text) == decimal(kVectors[b].text), same);
    }
  }
}

TEST(Decimal, ReadsItsOwnText) {
  for (const Vector& vector : kVectors) EXPECT_EQ(decimal(vector.canonical).text(), vector.canonical);
}

TEST(Decimal, RefusesWhatIsNoNumber) {
  for (const char* text : {"",   "-",   "+1",   " 1",  "1 ",  "01",       "-01", ".5",    "1.",    "1.e5",
                           "1e", "1e+", "0x10", "1,5", "NaN", "Infinity", "--1", "1e5.5", "1e--5", "\"1\""}) {
    EXPECT_EQ(fault(text), DecimalError::Syntax) << text;
  }
  EXPECT_EQ(fault(BytesView("1\0", 2)), DecimalError::Syntax);
}

TEST(Decimal, HoldsItsDigitsAndNotOneMore) {
  const std::string most(Decimal::kDigitsMax, '7');
  EXPECT_EQ(decimal("0." + most).text(), "0." + most);
  EXPECT_EQ(fault("0." + most + "1"), DecimalError::TooManyDigits);
  EXPECT_EQ(fault("1" + std::string(Decimal::kDigitsMax - 1, '0') + "1"), DecimalError::TooManyDigits);
  // Zeros around them are no digits.
  EXPECT_EQ(decimal("0.000" + most + "000"), decimal("0.000" + most));
  EXPECT_EQ(decimal("-" + most + "e100").text().size(), most.size() + 7);
}

TEST(Decimal, HoldsItsExponentAndNotOneMore) {
  EXPECT_EQ(decimal("1e1000").text(), "1e+1000");
  EXPECT_EQ(fault("1e1001"), DecimalError::ExponentTooLarge);
  EXPECT_EQ(fault("10e1000"), DecimalError::ExponentTooLarge);
  EXPECT_EQ(decimal("0.1e1001").text(), "1e+1000");
  EXPECT_EQ(decimal("1e-1000").text(), "1e-1000");
  EXPECT_EQ(fault("1e-1001"), DecimalError::ExponentTooLarge);
  EXPECT_EQ(fault("1e99999999999999999999999999"), DecimalError::ExponentTooLarge);
  EXPECT_EQ(fault("1e-99999999999999999999999999"), DecimalError::ExponentTooLarge);
  EXPECT_EQ(decimal("0e99999999999999999999999999"), Decimal());
  EXPECT_LE(decimal("-" + std::string(Decimal::kDigitsMax, '9') + "e-900").text().size(),
            Decimal::kTextBytesMax);
}

TEST(Decimal, TakesAMillionZeros) {
  const std::string zeros(1'000'000, '0');
  EXPECT_EQ(fault("1" + zeros), DecimalError::ExponentTooLarge);
  EXPECT_EQ(decimal("1" + zeros + "e-1000000"), decimal("1"));
  EXPECT_EQ(decimal("0." + zeros + "1e1000001"), decimal("1"));
  EXPECT_EQ(decimal("1." + zeros), decimal("1"));
}

}  // namespace
}  // namespace icws
