#include "base/decimal.h"

#include <algorithm>

namespace icws {
namespace {

// Exponents are read up to here: beyond any limit even when a text of gigabytes moves the point back.
constexpr int64_t kExponentReadMax = int64_t{1} << 40;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

BytesView take_digits(BytesView& text) {
  const auto end = std::ranges::find_if_not(text, is_digit);
  const BytesView digits = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

bool take(BytesView& text, BytesView one_of) {
  if (text.empty() || one_of.find(text.front()) == BytesView::npos) return false;
  text.remove_prefix(1);
  return true;
}

struct Token {
  bool negative = false;
  BytesView whole;
  BytesView fraction;
  int64_t exponent = 0;
};

// RFC 8259: [minus] int [frac] [exp].
bool read(BytesView text, Token& out) {
  out.negative = take(text, "-");
  out.whole = take_digits(text);
  if (out.whole.empty() || (out.whole.size() > 1 && out.whole.front() == '0')) return false;
  if (take(text, ".")) {
    out.fraction = take_digits(text);
    if (out.fraction.empty()) return false;
  }
  if (take(text, "eE")) {
    const bool down = text.starts_with('-');
    take(text, "+-");
    const BytesView digits = take_digits(text);
    if (digits.empty()) return false;
    for (const char c : digits) out.exponent = std::min(kExponentReadMax, out.exponent * 10 + (c - '0'));
    if (down) out.exponent = -out.exponent;
  }
  return text.empty();
}

}  // namespace

std::expected<Decimal, DecimalError> Decimal::parse(BytesView text) {
  Token token;
  if (!read(text, token)) return std::unexpected(DecimalError::Syntax);
  // Zeros at the end wait until a digit follows: a long tail of them costs no memory.
  Decimal out;
  size_t zeros = 0;
  auto point = static_cast<int64_t>(token.whole.size());
  for (const BytesView part : {token.whole, token.fraction}) {
    for (const char c : part) {
      if (c == '0') {
        if (out.digits_.empty()) {
          --point;
        } else {
          ++zeros;
        }
        continue;
      }
      if (out.digits_.size() + zeros >= kDigitsMax) return std::unexpected(DecimalError::TooManyDigits);
      out.digits_.append(zeros, '0').append(1, c);
      zeros = 0;
    }
  }
  if (out.digits_.empty()) return out;
  out.negative_ = token.negative;
  out.point_ = point + token.exponent;
  const int64_t exponent = out.point_ - 1;
  if (exponent > kExponentMax || exponent < -kExponentMax) {
    return std::unexpected(DecimalError::ExponentTooLarge);
  }
  return out;
}

std::string Decimal::text() const {
  if (digits_.empty()) return "0";
  std::string out = negative_ ? "-" : "";
  const auto count = static_cast<int64_t>(digits_.size());
  if (count <= point_ && point_ <= 21) {
    out.append(digits_).append(static_cast<size_t>(point_ - count), '0');
  } else if (0 < point_ && point_ <= 21) {
    const auto whole = static_cast<size_t>(point_);
    out.append(digits_, 0, whole).append(1, '.').append(digits_, whole);
  } else if (-6 < point_ && point_ <= 0) {
    out.append("0.").append(static_cast<size_t>(-point_), '0').append(digits_);
  } else {
    out.append(digits_, 0, 1);
    if (count > 1) out.append(1, '.').append(digits_, 1);
    out.append(point_ > 0 ? "e+" : "e-").append(std::to_string(point_ > 0 ? point_ - 1 : 1 - point_));
  }
  return out;
}

std::strong_ordering Decimal::operator<=>(const Decimal& other) const {
  const auto sign = [](const Decimal& one) { return one.digits_.empty() ? 0 : one.negative_ ? -1 : 1; };
  if (sign(*this) != sign(other)) return sign(*this) <=> sign(other);
  if (digits_.empty()) return std::strong_ordering::equal;
  std::strong_ordering magnitude = point_ <=> other.point_;
  // Without trailing zeros, digits of one point compare as texts.
  if (magnitude == 0) magnitude = digits_.compare(other.digits_) <=> 0;
  return negative_ ? 0 <=> magnitude : magnitude;
}

}  // namespace icws
