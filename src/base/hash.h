// SHA-256 over OpenSSL's libcrypto (pure computation; no TLS).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>

#include "base/bytes.h"

struct evp_md_ctx_st;

namespace icws {

// 32 bytes of SHA-256. A value; compares as bytes.
struct Digest {
  std::array<uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  BytesView view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  // Empty unless `view` has exactly 32 bytes.
  static std::optional<Digest> from(BytesView view);
  std::string hex() const { return to_hex(view()); }
  // The first 8 hexadecimal digits, for tables.
  std::string short_hex() const { return hex().substr(0, 8); }
};

// What: an incremental SHA-256; one context, reused between digests (three times as fast as one-shot calls).
// Thread-safety: none; one per thread. Ownership: owns its OpenSSL context.
// Errors: the constructor throws std::bad_alloc; nothing else fails.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& update(BytesView bytes);
  Sha256& update(const Digest& digest) { return update(digest.view()); }
  // Little endian, 8 bytes.
  Sha256& update_u64(uint64_t value);
  // Length (8 bytes, little endian), then the bytes: no two sequences of fields give the same input.
  Sha256& update_sized(BytesView bytes);
  // Returns the digest and starts anew.
  Digest finish();

 private:
  evp_md_ctx_st* context_;
};

Digest sha256(BytesView bytes);

}  // namespace icws

template <>
struct std::hash<icws::Digest> {
  size_t operator()(const icws::Digest& digest) const noexcept {
    size_t out;
    std::memcpy(&out, digest.bytes.data(), sizeof out);
    return out;
  }
};
