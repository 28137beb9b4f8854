#include "base/hash.h"

#include <openssl/evp.h>

#include <new>
#include <stdexcept>

namespace icws {
namespace {

const EVP_MD* sha256_method() {
  // Fetched once and never freed: a constant of the process, not state.
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

void check(int result) {
  if (result != 1) throw std::runtime_error("libcrypto: SHA-256 failed");
}

}  // namespace

std::optional<Digest> Digest::from(BytesView view) {
  if (view.size() != 32) return std::nullopt;
  Digest out;
  std::memcpy(out.bytes.data(), view.data(), 32);
  return out;
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr) throw std::bad_alloc();
  check(EVP_DigestInit_ex2(context_, sha256_method(), nullptr));
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

Sha256& Sha256::update(BytesView bytes) {
  check(EVP_DigestUpdate(context_, bytes.data(), bytes.size()));
  return *this;
}

Sha256& Sha256::update_u64(uint64_t value) {
  char buffer[8];
  for (int i = 0; i < 8; ++i) buffer[i] = static_cast<char>(value >> (8 * i));
  return update(BytesView(buffer, 8));
}

Sha256& Sha256::update_sized(BytesView bytes) {
  update_u64(bytes.size());
  return update(bytes);
}

Digest Sha256::finish() {
  Digest out;
  check(EVP_DigestFinal_ex(context_, out.bytes.data(), nullptr));
  check(EVP_DigestInit_ex2(context_, nullptr, nullptr));
  return out;
}

Digest sha256(BytesView bytes) {
  thread_local Sha256 hasher;
  return hasher.update(bytes).finish();
}

}  // namespace icws
