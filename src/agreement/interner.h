// Numbers for keys that a peer may have chosen.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "agreement/observation.h"

namespace icws::agreement {

// What to hash of a key: digests are uniform unless somebody chose them.
inline uint64_t intern_hash(const ContentId& id) {
  uint64_t digest, key;
  std::memcpy(&digest, id.digest.bytes.data(), sizeof digest);
  std::memcpy(&key, id.key.data(), sizeof key);
  return digest ^ key * 0x9e3779b97f4a7c15u;
}
inline uint64_t intern_hash(const FeedItem& item) {
  return intern_hash(item.content) + item.copy * 0x9e3779b97f4a7c15u;
}

// What: gives each distinct key a number, from 0 in the order in which they first come. A hash table whose
// chains are short by construction: keys that find theirs full go into an ordered map. So liars who list
// digests that all fall into one place (they need not be hashes of anything) gain a logarithm, no more.
// Thread-safety: none while adding; const after. Ownership: a value. Errors: none.
template <class Key>
class Interner {
 public:
  explicit Interner(size_t expected = 0) { grow(expected); }

  struct Added {
    uint32_t number;
    bool fresh;
  };
  // `guess`: a number that it may well be; any value is allowed.
  Added add(const Key& key, uint32_t guess = UINT32_MAX) {
    if (guess < keys_.size() && keys_[guess] == key) return {guess, false};
    if (2 * keys_.size() >= slots_.size()) grow(keys_.size());
    const auto number = static_cast<uint32_t>(keys_.size());
    const uint32_t found = place(key, number);
    if (found == number) keys_.push_back(key);
    return {found, found == number};
  }
  // size() if it is not there.
  uint32_t find(const Key& key) const {
    const size_t mask = slots_.size() - 1;
    size_t slot = intern_hash(key) & mask;
    for (int i = 0; i < kProbesMax; ++i, slot = (slot + 1) & mask) {
      if (slots_[slot] == 0) return static_cast<uint32_t>(keys_.size());
      if (keys_[slots_[slot] - 1] == key) return slots_[slot] - 1;
    }
    const auto it = crowded_.find(key);
    return it == crowded_.end() ? static_cast<uint32_t>(keys_.size()) : it->second;
  }
  const Key& operator[](uint32_t number) const { return keys_[number]; }
  size_t size() const { return keys_.size(); }

 private:
  static constexpr int kProbesMax = 8;

  // The key's number, which becomes `number` if it is new; the key itself may not be in keys_ yet.
  uint32_t place(const Key& key, uint32_t number) {
    const size_t mask = slots_.size() - 1;
    size_t slot = intern_hash(key) & mask;
    for (int i = 0; i < kProbesMax; ++i, slot = (slot + 1) & mask) {
      if (slots_[slot] == 0) {
        slots_[slot] = number + 1;
        return number;
      }
      if (keys_[slots_[slot] - 1] == key) return slots_[slot] - 1;
    }
    return crowded_.emplace(key, number).first->second;
  }
  void grow(size_t expected) {
    size_t size = 64;
    while (size < 4 * expected) size *= 2;
    slots_.assign(size, 0);
    crowded_.clear();
    keys_.reserve(size / 2);
    for (uint32_t number = 0; number < keys_.size(); ++number) place(keys_[number], number);
  }

  std::vector<Key> keys_;
  // Number + 1; 0: empty. A power of two of them, at least twice as many as keys.
  std::vector<uint32_t> slots_;
  std::map<Key, uint32_t> crowded_;
};

}  // namespace icws::agreement
