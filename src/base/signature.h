// Ed25519 over OpenSSL's libcrypto.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"

struct evp_pkey_st;

namespace icws {

// What: an Ed25519 key that signs. Thread-safety: sign() may be called from several threads.
// Ownership: owns the key. Errors: construction throws std::runtime_error if the seed has not 32 bytes.
class SigningKey {
 public:
  // `seed`: the 32 bytes of RFC 8032's private key.
  explicit SigningKey(BytesView seed);
  // 64 bytes.
  Bytes sign(BytesView message) const;
  // 32 bytes.
  const Bytes& public_key() const { return public_key_; }

 private:
  std::shared_ptr<evp_pkey_st> key_;
  Bytes public_key_;
};

// What: an Ed25519 public key, parsed once (parsing costs a third of a verification).
// Thread-safety: verify() may be called from several threads.
class VerifyingKey {
 public:
  // Empty unless `public_key` has 32 bytes.
  static std::optional<VerifyingKey> from(BytesView public_key);
  bool verify(BytesView message, BytesView signature) const;

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace icws
