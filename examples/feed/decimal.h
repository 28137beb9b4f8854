// Prices and sizes as exchanges write them: exact decimals that never become floating point.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace icws::examples {

// What: a non-negative decimal in its own text: digits, and perhaps a point and digits; no exponent.
// Compares by value, so "1.50" equals "1.5". A value; deterministic.
class Decimal {
 public:
  // "0".
  Decimal() : text_("0") {}
  // Empty if `text` is not of the form above or is longer than 64 characters.
  static std::optional<Decimal> from(std::string_view text);

  const std::string& text() const { return text_; }
  bool is_zero() const;

  friend bool operator<(const Decimal& a, const Decimal& b) { return compare(a, b) < 0; }
  friend bool operator==(const Decimal& a, const Decimal& b) { return compare(a, b) == 0; }

  static void fields(auto& archive, auto& self) { archive(self.text_); }

 private:
  // Negative, zero or positive, as a is less than, equal to or greater than b.
  static int compare(const Decimal& a, const Decimal& b);

  std::string text_;
};

}  // namespace icws::examples
