// Decimals on any bytes, one a line: no crash, one text for a value, and a total order.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/decimal.h"

namespace {

using icws::BytesView;
using icws::Decimal;

constexpr size_t kNumbersMax = 12;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_alone(BytesView text, const Decimal& value) {
  const std::string canonical = value.text();
  require(canonical.size() <= Decimal::kTextBytesMax);
  const auto again = Decimal::parse(canonical);
  require(again.has_value() && *again == value && again->text() == canonical);
  // The other sign is the mirror image; zero has one only.
  const auto other = Decimal::parse(text.starts_with('-') ? text.substr(1) : "-" + std::string(text));
  require(other.has_value() && (other->text() == canonical) == (canonical == "0"));
}

void check_order(const std::vector<Decimal>& values) {
  for (const Decimal& a : values) {
    for (const Decimal& b : values) {
      require((a <=> b) == (0 <=> (b <=> a)));
      require(((a <=> b) == 0) == (a.text() == b.text()));
      for (const Decimal& c : values) require(!(a < b && b < c) || a < c);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  BytesView rest(reinterpret_cast<const char*>(data), size);
  std::vector<Decimal> values;
  while (!rest.empty() && values.size() < kNumbersMax) {
    const BytesView line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto value = Decimal::parse(line);
    if (!value) continue;
    check_alone(line, *value);
    values.push_back(*value);
  }
  check_order(values);
  return 0;
}
