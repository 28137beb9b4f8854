#include "transform/detail/number.h"

#include <charconv>
#include <optional>

namespace icws::transform::detail {
namespace {

// No double needs more significant digits to be told from all others; a token with more is never ES6's form.
constexpr int kDigitsMax = 17;

// The value 0.DIGITS * 10^point; digits neither begin nor end with '0', none for zero.
struct Decimal {
  char digits[kDigitsMax];
  int count = 0;
  int64_t point = 0;

  BytesView view() const { return {digits, static_cast<size_t>(count)}; }
  bool operator==(const Decimal& other) const { return point == other.point && view() == other.view(); }
};

// False if there are more than kDigitsMax digits.
bool read_mantissa(BytesView mantissa, Decimal& out) {
  size_t zeros = 0;  // read, but not yet known to be followed by another digit
  bool fraction = false;
  for (const char c : mantissa) {
    if (c == '.') {
      fraction = true;
    } else if (c == '0' && out.count == 0) {
      out.point -= fraction ? 1 : 0;
    } else {
      out.point += fraction ? 0 : 1;
      if (c == '0') {
        ++zeros;
        continue;
      }
      if (static_cast<size_t>(out.count) + zeros >= kDigitsMax) return false;
      for (; zeros > 0; --zeros) out.digits[out.count++] = '0';
      out.digits[out.count++] = c;
    }
  }
  return true;
}

// Of a number without its sign. Empty if it has too many digits or an exponent beyond any double.
std::optional<Decimal> decimal_of(BytesView token) {
  Decimal out;
  const size_t mark = token.find_first_of("eE");
  if (!read_mantissa(token.substr(0, mark), out)) return {};
  if (out.count == 0) return Decimal{};
  if (mark != BytesView::npos) {
    BytesView text = token.substr(mark + 1);
    if (text.front() == '+') text.remove_prefix(1);
    int32_t exponent = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), exponent).ec != std::errc()) return {};
    out.point += exponent;
  }
  return out;
}

// Whether `value` has the digits of the shortest decimal that reads as the same double.
bool is_shortest(const Decimal& value, BytesView magnitude) {
  // DBL_DIG: in the range of normal doubles, no two decimals of up to 15 digits read as the same one.
  if (value.count <= 15 && value.point > -300 && value.point <= 300) return true;
  double read = 0;
  const auto result = std::from_chars(magnitude.data(), magnitude.data() + magnitude.size(), read);
  if (result.ec != std::errc()) return false;
  char text[32];
  const auto written = std::to_chars(text, text + sizeof text, read, std::chars_format::scientific);
  return decimal_of(BytesView(text, static_cast<size_t>(written.ptr - text))) == value;
}

// ECMA-262, Number::toString: k digits, n = point.
void append_es6(const Decimal& value, Bytes& out) {
  const auto k = static_cast<int64_t>(value.count);
  const int64_t n = value.point;
  const BytesView digits = value.view();
  if (k <= n && n <= 21) {
    out.append(digits).append(static_cast<size_t>(n - k), '0');
  } else if (0 < n && n <= 21) {
    out.append(digits, 0, static_cast<size_t>(n)).append(1, '.');
    out.append(digits, static_cast<size_t>(n));
  } else if (-6 < n && n <= 0) {
    out.append("0.").append(static_cast<size_t>(-n), '0').append(digits);
  } else {
    out.append(digits, 0, 1);
    if (k > 1) out.append(1, '.').append(digits, 1);
    out.append(n > 0 ? "e+" : "e-").append(std::to_string(n > 0 ? n - 1 : 1 - n));
  }
}

}  // namespace

void append_number(BytesView token, Bytes& out) {
  const bool negative = token.front() == '-';
  const BytesView magnitude = token.substr(negative ? 1 : 0);
  const std::optional<Decimal> value = decimal_of(magnitude);
  if (value && value->count == 0) {
    out += '0';
  } else if (!value || !is_shortest(*value, magnitude)) {
    out += token;
  } else {
    if (negative) out += '-';
    append_es6(*value, out);
  }
}

}  // namespace icws::transform::detail
