#include "tools/key_ring.h"

#include <algorithm>

#include "tools/key_file.h"

namespace icws::tools {

std::filesystem::path next_key_file(const std::filesystem::path& key_file) {
  return key_file.string() + ".next";
}

KeyRing::KeyRing(std::filesystem::path key_file, BytesView seed, Notice notice)
    : key_file_(std::move(key_file)), notice_(std::move(notice)) {
  keys_.emplace_back(seed);
}

const SigningKey& KeyRing::find(const Bytes& public_key) {
  if (public_key.empty()) return keys_.front();
  const auto held = [&] { return std::ranges::find(keys_, public_key, &SigningKey::public_key); };
  if (const auto key = held(); key != keys_.end()) return *key;
  if (const auto seed = read_key_file(next_key_file(key_file_))) keys_.emplace_back(*seed);
  if (const auto key = held(); key != keys_.end()) {
    notice_("signs with the key of " + next_key_file(key_file_).string() + " from now on");
    return *key;
  }
  if (missing_ != public_key) {
    missing_ = public_key;
    notice_("ATTENTION: the replica set asks for the key " + to_hex(public_key) + ", which is neither in " +
            key_file_.string() + " nor in " + next_key_file(key_file_).string());
  }
  if (keys_.size() > 1) keys_.pop_back();
  return keys_.front();
}

void KeyRing::expect(const Bytes& public_key) {
  const std::lock_guard lock(mutex_);
  find(public_key);
}

Bytes KeyRing::sign(const Bytes& public_key, BytesView message) {
  const std::lock_guard lock(mutex_);
  return find(public_key).sign(message);
}

}  // namespace icws::tools
