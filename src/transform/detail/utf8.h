// UTF-8 by RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace icws::transform::detail {

// How many bytes the sequence at `at` has (2 to 4), 0 if it is not well formed. `*at` is not ASCII; at < end.
inline size_t utf8_sequence(const char* at, const char* end) {
  const auto byte = [at](size_t i) { return static_cast<unsigned char>(at[i]); };
  const unsigned char lead = byte(0);
  const size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (lead < 0xc2 || lead > 0xf4 || static_cast<size_t>(end - at) < size) return 0;
  // The second byte's range is narrower where overlong forms, surrogates or too large values would begin.
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return size;
}

inline bool utf8_valid(BytesView text) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const size_t size = static_cast<unsigned char>(*at) < 0x80 ? 1 : utf8_sequence(at, end);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

}  // namespace icws::transform::detail
