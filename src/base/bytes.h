// Byte strings. Protobuf, gRPC and RocksDB all speak std::string; so do we, to copy less.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace icws {

using Bytes = std::string;
using BytesView = std::string_view;

// Lower-case hexadecimal, two digits a byte. For people and logs; never parsed on a hot path.
inline std::string to_hex(BytesView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

}  // namespace icws
