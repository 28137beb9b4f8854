#include "base/signature.h"

#include <openssl/evp.h>

#include <stdexcept>

namespace icws {
namespace {

const unsigned char* data(BytesView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

// A fresh context each time: OpenSSL 3.0 lets DigestInit fail silently on one that was used for a
// verification.
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

Context make_context() {
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (!context) throw std::bad_alloc();
  return context;
}

}  // namespace

SigningKey::SigningKey(BytesView seed) {
  if (seed.size() != 32) throw std::runtime_error("Ed25519: the seed must have 32 bytes");
  key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, data(seed), seed.size()),
             &EVP_PKEY_free);
  if (!key_) throw std::runtime_error("Ed25519: the seed was refused");
  public_key_.resize(32);
  size_t size = public_key_.size();
  if (EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(public_key_.data()), &size) !=
      1) {
    throw std::runtime_error("Ed25519: no public key");
  }
}

Bytes SigningKey::sign(BytesView message) const {
  const Context context = make_context();
  Bytes out(64, '\0');
  size_t size = out.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, data(message),
                     message.size()) != 1) {
    throw std::runtime_error("Ed25519: signing failed");
  }
  return out;
}

std::optional<VerifyingKey> VerifyingKey::from(BytesView public_key) {
  if (public_key.size() != 32) return std::nullopt;
  VerifyingKey out;
  out.key_.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data(public_key), public_key.size()),
                 &EVP_PKEY_free);
  if (!out.key_) return std::nullopt;
  return out;
}

bool VerifyingKey::verify(BytesView message, BytesView signature) const {
  if (signature.size() != 64) return false;
  const Context context = make_context();
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), data(signature), signature.size(), data(message), message.size()) ==
             1;
}

}  // namespace icws
