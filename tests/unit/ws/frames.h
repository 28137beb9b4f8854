// Frames as a server would write them, legal or not. For tests of the decoder only.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace icws::ws::testing {

inline constexpr uint8_t kFin = 0x80;

// `first`: the whole first byte, FIN and reserved bits included.
inline Bytes frame(uint8_t first, BytesView payload) {
  Bytes out(1, static_cast<char>(first));
  const auto big_endian = [&out](uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  };
  if (payload.size() < 126) {
    big_endian(payload.size(), 1);
  } else if (payload.size() < 65'536) {
    out.push_back(126);
    big_endian(payload.size(), 2);
  } else {
    out.push_back(127);
    big_endian(payload.size(), 8);
  }
  return out.append(payload);
}

inline Bytes text(BytesView payload) { return frame(kFin | 1, payload); }
inline Bytes binary(BytesView payload) { return frame(kFin | 2, payload); }
inline Bytes ping(BytesView payload) { return frame(kFin | 9, payload); }
inline Bytes pong(BytesView payload) { return frame(kFin | 10, payload); }

inline Bytes close(uint16_t code, BytesView reason = {}) {
  Bytes payload = {static_cast<char>(code >> 8), static_cast<char>(code & 255)};
  return frame(kFin | 8, payload.append(reason));
}

}  // namespace icws::ws::testing
