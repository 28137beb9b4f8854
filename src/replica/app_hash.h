// The app hash: a Merkle root over the replicated state, one leaf for each key.
#pragma once

#include <map>

#include "base/bytes.h"
#include "base/hash.h"

namespace icws::replica {

// What: the leaves' hashes, by key. Leaf: SHA-256(0x00, length, key, value); node: SHA-256(0x01, left,
// right); an odd node goes up unchanged; the root of nothing is SHA-256 of nothing. Thread-safety: none. A
// value.
class LeafHashes {
 public:
  // True if the value is another than before.
  bool set(BytesView key, BytesView value);
  // True if there was one.
  bool remove(BytesView key);
  Digest root() const;

 private:
  std::map<Bytes, Digest, std::less<>> leaves_;
};

}  // namespace icws::replica
