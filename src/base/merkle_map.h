// An authenticated map: keys and values under one SHA-256 root, with short proofs that a key has a value.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/archive.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace icws {

// What lies beside the way from a leaf to the root, the leaf's neighbour first.
struct MerkleProof {
  struct Step {
    // The bit of SHA-256(key) at which the two sides differ; descending along the way. 0 is the first byte's
    // highest bit.
    uint8_t bit = 0;
    Digest sibling;
    static void fields(auto& archive, auto& self) { archive(self.bit, self.sibling); }
    bool operator==(const Step&) const = default;
  };
  std::vector<Step> steps;
  static void fields(auto& archive, auto& self) { archive(self.steps); }
  bool operator==(const MerkleProof&) const = default;
};

// The root under which `proof` puts (key, value). Empty if the steps' bits do not descend.
std::optional<Digest> merkle_root(BytesView key, BytesView value, const MerkleProof& proof);

// What: a binary trie over SHA-256(key) in which every inner node has two children; its shape, and so its
// root, follows from the keys and values alone, whatever order they came in. Leaf: SHA-256(0x00, length, key,
// value); inner node: SHA-256(0x01, bit, left, right), left where the key's hash has a 0 at that bit; the
// root of nothing is SHA-256 of nothing. Who chooses keys can deepen the way to them by one for each doubling
// of his work. Cost: expected O(log size) for each change, and as many hashes at the next root(); about 200
// bytes of memory a key, whatever its value. Thread-safety: none; root() and prove() write, too. A value.
class MerkleMap {
 public:
  // True if the value is another than before.
  bool set(BytesView key, BytesView value);
  // True if there was one.
  bool remove(BytesView key);
  bool contains(BytesView key) const;
  size_t size() const { return leaves_.size() - free_leaves_.size(); }

  Digest root();
  // Empty if there is no such key.
  std::optional<MerkleProof> prove(BytesView key);

 private:
  // Index of a leaf or of an inner node.
  struct Ref {
    uint32_t index = 0;
    bool leaf = true;
  };
  struct Leaf {
    Digest path;
    Digest hash;
  };
  struct Inner {
    Digest hash;
    Ref children[2];
    uint8_t bit = 0;
    // `hash` is not that of the children any more; then so are those of all nodes above.
    bool stale = true;
  };

  // The leaf that `path` leads to, which may be another key's. Precondition: not empty.
  uint32_t nearest(const Digest& path) const;
  Ref* link(const Digest& path, unsigned bit);
  Digest hash_of(Ref ref);
  uint32_t add_leaf(const Digest& path, const Digest& hash);
  uint32_t add_inner(Inner inner);

  std::optional<Ref> root_;
  std::vector<Leaf> leaves_;
  std::vector<Inner> inner_;
  std::vector<uint32_t> free_leaves_;
  std::vector<uint32_t> free_inner_;
};

}  // namespace icws
