// Exact decimal numbers as texts have them: nothing is rounded, nothing becomes floating point.
#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <string>

#include "base/bytes.h"

namespace icws {

enum class DecimalError : uint8_t {
  Syntax = 1,       // not a number of RFC 8259
  TooManyDigits,    // more than Decimal::kDigitsMax
  ExponentTooLarge  // beyond Decimal::kExponentMax in either direction
};

// What: a decimal number within the two limits. Equal numbers are equal however they were written ("1.50",
// "15e-1"); minus zero is zero. A value; deterministic. Errors: parse() names the first fault; nothing else
// fails.
class Decimal {
 public:
  // Significant digits, without leading and trailing zeros. An integer of 256 bits, as ledgers have them,
  // has 78.
  static constexpr size_t kDigitsMax = 80;
  // Of the leading digit's power of ten, up and down: far beyond any price, and a text stays short.
  static constexpr int64_t kExponentMax = 1'000;
  // Longest canonical text, with sign, point and exponent.
  static constexpr size_t kTextBytesMax = kDigitsMax + 8;

  // Zero.
  Decimal() = default;
  // A number of RFC 8259, section 6: no plus sign, no space, no leading zeros. Time: linear in `text`, which
  // may have any length ("1", then a million zeros, is an ExponentTooLarge).
  static std::expected<Decimal, DecimalError> parse(BytesView text);

  // The one canonical text: as ECMA-262, Number::toString writes numbers, with all digits. Plain from 1e-6 to
  // below 1e21, else d.ddde+x. Itself a number of RFC 8259.
  std::string text() const;

  bool operator==(const Decimal& other) const = default;
  // By value.
  std::strong_ordering operator<=>(const Decimal& other) const;

 private:
  // The value 0.DIGITS * 10^point_; digits neither begin nor end with '0', and zero has none.
  bool negative_ = false;
  int64_t point_ = 0;
  std::string digits_;
};

}  // namespace icws
