#include "transform/detail/number.h"

#include <charconv>
#include <optional>

namespace icws::transform::detail {
namespace {

// The value 0.DIGITS * 10^point; digits neither begin nor end with '0', none for zero.
struct Decimal {
  Bytes digits;
  int64_t point = 0;
  bool operator==(const Decimal&) const = default;
};

// Of a number without its sign. Empty if the exponent is beyond any double.
std::optional<Decimal> decimal_of(BytesView token) {
  Decimal out;
  const size_t mark = token.find_first_of("eE");
  const BytesView mantissa = token.substr(0, mark);
  const size_t dot = mantissa.find('.');
  out.digits = mantissa.substr(0, dot);
  out.point = static_cast<int64_t>(out.digits.size());
  if (dot != BytesView::npos) out.digits += mantissa.substr(dot + 1);
  const size_t first = out.digits.find_first_not_of('0');
  if (first == Bytes::npos) return Decimal{};
  out.digits.erase(0, first);
  out.point -= static_cast<int64_t>(first);
  out.digits.erase(out.digits.find_last_not_of('0') + 1);
  if (mark != BytesView::npos) {
    BytesView text = token.substr(mark + 1);
    if (text.front() == '+') text.remove_prefix(1);
    int32_t exponent = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), exponent).ec != std::errc()) return {};
    out.point += exponent;
  }
  return out;
}

// ECMA-262, Number::toString: k digits, n = point.
void append_es6(const Decimal& value, Bytes& out) {
  const auto k = static_cast<int64_t>(value.digits.size());
  const int64_t n = value.point;
  if (k <= n && n <= 21) {
    out.append(value.digits).append(static_cast<size_t>(n - k), '0');
  } else if (0 < n && n <= 21) {
    out.append(value.digits, 0, static_cast<size_t>(n)).append(1, '.');
    out.append(value.digits, static_cast<size_t>(n));
  } else if (-6 < n && n <= 0) {
    out.append("0.").append(static_cast<size_t>(-n), '0').append(value.digits);
  } else {
    out.append(value.digits, 0, 1);
    if (k > 1) out.append(1, '.').append(value.digits, 1);
    out.append(n > 0 ? "e+" : "e-").append(std::to_string(n > 0 ? n - 1 : 1 - n));
  }
}

}  // namespace

void append_number(BytesView token, Bytes& out) {
  const bool negative = token.front() == '-';
  const BytesView magnitude = token.substr(negative ? 1 : 0);
  if (magnitude.size() <= 15 && magnitude.find_first_not_of("0123456789") == BytesView::npos) {
    out += magnitude == "0" ? magnitude : token;  // every such integer is a double, and written like this
    return;
  }
  const std::optional<Decimal> exact = decimal_of(magnitude);
  if (exact && exact->digits.empty()) {
    out += '0';
    return;
  }
  double value = 0;
  char text[32];
  const auto read = std::from_chars(magnitude.data(), magnitude.data() + magnitude.size(), value);
  if (!exact || read.ec != std::errc()) {
    out += token;
    return;
  }
  const auto written = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  const std::optional<Decimal> shortest =
      decimal_of(BytesView(text, static_cast<size_t>(written.ptr - text)));
  if (shortest != exact) {
    out += token;
    return;
  }
  if (negative) out += '-';
  append_es6(*exact, out);
}

}  // namespace icws::transform::detail
