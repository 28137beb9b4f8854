#include "examples/feed/decimal.h"

#include <algorithm>

namespace icws::examples {
namespace {

constexpr size_t kCharactersMax = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// Without leading zeros: of two such, the longer is the greater.
std::string_view whole_part(std::string_view text) {
  std::string_view whole = text.substr(0, text.find('.'));
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  return whole;
}

// Without trailing zeros: two such compare as texts.
std::string_view fraction_part(std::string_view text) {
  const size_t point = text.find('.');
  if (point == std::string_view::npos) return {};
  const std::string_view fraction = text.substr(point + 1);
  return fraction.substr(0, fraction.find_last_not_of('0') + 1);
}

}  // namespace

std::optional<Decimal> Decimal::from(std::string_view text) {
  if (text.size() > kCharactersMax) return std::nullopt;
  const size_t point = text.find('.');
  if (!all_digits(text.substr(0, point))) return std::nullopt;
  if (point != std::string_view::npos && !all_digits(text.substr(point + 1))) return std::nullopt;
  Decimal out;
  out.text_ = text;
  return out;
}

bool Decimal::is_zero() const { return whole_part(text_).empty() && fraction_part(text_).empty(); }

int Decimal::compare(const Decimal& a, const Decimal& b) {
  const std::string_view a_whole = whole_part(a.text_);
  const std::string_view b_whole = whole_part(b.text_);
  if (a_whole.size() != b_whole.size()) return a_whole.size() < b_whole.size() ? -1 : 1;
  if (const int by_whole = a_whole.compare(b_whole); by_whole != 0) return by_whole;
  return fraction_part(a.text_).compare(fraction_part(b.text_));
}

}  // namespace icws::examples
