#include "replica/keys.h"

#include <algorithm>

namespace icws::replica::keys {

std::string readable(BytesView key) {
  const auto printable = [](char c) { return c > ' ' && c <= '~'; };
  if (std::ranges::all_of(key, printable)) return std::string(key);
  constexpr size_t kPrefixBytes = 2;
  if (key.size() != kPrefixBytes + 8) return to_hex(key);
  uint64_t value = 0;
  for (const char c : key.substr(kPrefixBytes)) value = value << 8 | static_cast<uint8_t>(c);
  return std::string(key.substr(0, kPrefixBytes)) + std::to_string(value);
}

}  // namespace icws::replica::keys
