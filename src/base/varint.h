// Unsigned base-128 varints: seven bits a byte, the lowest first, in as few bytes as there can be. As
// protobuf, CometBFT's frames and the archive have them. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace icws {

// 1 to 10 bytes.
inline void append_varint(Bytes& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Takes one from the front of `in`. Empty: torn, longer than need be, or over 64 bits; what is then left of
// `in` means nothing.
inline std::optional<uint64_t> take_varint(BytesView& in) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    if (shift == 63 && byte > 1) return std::nullopt;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    if (byte == 0 && shift > 0) return std::nullopt;
    return value;
  }
  return std::nullopt;
}

}  // namespace icws
