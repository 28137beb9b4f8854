// The order of RFC 8785, section 3.2.3: by UTF-16 code units, on UTF-8 strings.
//
// It is the order of the bytes, but for one thing: characters beyond U+FFFF (lead bytes F0 to F4) are
// surrogates in UTF-16 and come before U+E000 to U+FFFF (lead bytes EE and EF). Strings are valid UTF-8.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"

namespace icws::transform::detail {

// Of a byte at which two strings differ; a following byte of a character is below both cases.
inline unsigned char utf16_rank(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0xee) return byte;
  return static_cast<unsigned char>(byte >= 0xf0 ? byte - 2 : byte + 5);
}

inline bool utf16_less(BytesView a, BytesView b) {
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    if (a[i] != b[i]) return utf16_rank(a[i]) < utf16_rank(b[i]);
  }
  return a.size() < b.size();
}

// The first eight ranks, as a number: where two of these differ, they are in the order of their strings.
inline uint64_t utf16_prefix(BytesView text) {
  uint64_t out = 0;
  const size_t size = std::min<size_t>(text.size(), 8);
  for (size_t i = 0; i < size; ++i) out = out << 8 | utf16_rank(text[i]);
  return size == 0 ? 0 : out << (64 - 8 * size);
}

}  // namespace icws::transform::detail
