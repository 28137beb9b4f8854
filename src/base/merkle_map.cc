#include "base/merkle_map.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace icws {
namespace {

constexpr unsigned kPathBits = 256;

Sha256& hasher() {
  thread_local Sha256 one;
  return one;
}

Digest leaf_hash(BytesView key, BytesView value) {
  return hasher().update(BytesView("\0", 1)).update_sized(key).update(value).finish();
}

Digest inner_hash(uint8_t bit, const Digest& left, const Digest& right) {
  const char head[2] = {'\1', static_cast<char>(bit)};
  return hasher().update(BytesView(head, 2)).update(left).update(right).finish();
}

Digest path_of(BytesView key) { return hasher().update(key).finish(); }

unsigned bit_at(const Digest& path, unsigned bit) { return path.bytes[bit / 8] >> (7 - bit % 8) & 1u; }

// The first bit in which the two differ; kPathBits if none.
unsigned first_difference(const Digest& a, const Digest& b) {
  for (unsigned i = 0; i < a.bytes.size(); ++i) {
    const auto different = static_cast<uint8_t>(a.bytes[i] ^ b.bytes[i]);
    if (different != 0) return 8 * i + static_cast<unsigned>(std::countl_zero(different));
  }
  return kPathBits;
}

}  // namespace

std::optional<Digest> merkle_root(BytesView key, BytesView value, const MerkleProof& proof) {
  const Digest path = path_of(key);
  Digest out = leaf_hash(key, value);
  unsigned below = kPathBits;
  for (const MerkleProof::Step& step : proof.steps) {
    if (step.bit >= below) return std::nullopt;
    below = step.bit;
    out = bit_at(path, step.bit) == 0 ? inner_hash(step.bit, out, step.sibling)
                                      : inner_hash(step.bit, step.sibling, out);
  }
  return out;
}

uint32_t MerkleMap::nearest(const Digest& path) const {
  Ref at = *root_;
  while (!at.leaf) {
    const Inner& inner = inner_[at.index];
    at = inner.children[bit_at(path, inner.bit)];
  }
  return at.index;
}

// The link to what lies at or below `bit` on the way of `path`; all inner nodes above it become stale.
MerkleMap::Ref* MerkleMap::link(const Digest& path, unsigned bit) {
  Ref* at = &*root_;
  while (!at->leaf && inner_[at->index].bit < bit) {
    Inner& inner = inner_[at->index];
    inner.stale = true;
    at = &inner.children[bit_at(path, inner.bit)];
  }
  return at;
}

uint32_t MerkleMap::add_leaf(const Digest& path, const Digest& hash) {
  if (free_leaves_.empty()) {
    leaves_.push_back(Leaf{path, hash});
    return static_cast<uint32_t>(leaves_.size() - 1);
  }
  const uint32_t index = free_leaves_.back();
  free_leaves_.pop_back();
  leaves_[index] = Leaf{path, hash};
  return index;
}

uint32_t MerkleMap::add_inner(Inner inner) {
  if (free_inner_.empty()) {
    inner_.push_back(inner);
    return static_cast<uint32_t>(inner_.size() - 1);
  }
  const uint32_t index = free_inner_.back();
  free_inner_.pop_back();
  inner_[index] = inner;
  return index;
}

bool MerkleMap::set(BytesView key, BytesView value) {
  const Digest path = path_of(key);
  const Digest hash = leaf_hash(key, value);
  if (!root_) {
    root_ = Ref{add_leaf(path, hash), true};
    return true;
  }
  const uint32_t leaf = nearest(path);
  const unsigned bit = first_difference(path, leaves_[leaf].path);
  if (bit == kPathBits) {
    if (leaves_[leaf].hash == hash) return false;
    leaves_[leaf].hash = hash;
    link(path, kPathBits);
    return true;
  }
  Inner inner;
  inner.bit = static_cast<uint8_t>(bit);
  const unsigned side = bit_at(path, bit);
  inner.children[side] = Ref{add_leaf(path, hash), true};
  // add_inner may move the nodes, so the link is looked up after it.
  const uint32_t added = add_inner(inner);
  Ref* place = link(path, bit);
  inner_[added].children[1 - side] = *place;
  *place = Ref{added, false};
  return true;
}

bool MerkleMap::remove(BytesView key) {
  if (!contains(key)) return false;
  const Digest path = path_of(key);
  const uint32_t leaf = nearest(path);
  free_leaves_.push_back(leaf);
  if (root_->leaf) {
    root_.reset();
    return true;
  }
  Ref* above = &*root_;
  for (;;) {
    Inner& inner = inner_[above->index];
    inner.stale = true;
    Ref& next = inner.children[bit_at(path, inner.bit)];
    if (next.leaf) {
      free_inner_.push_back(above->index);
      *above = inner.children[1 - bit_at(path, inner.bit)];
      return true;
    }
    above = &next;
  }
}

bool MerkleMap::contains(BytesView key) const {
  if (!root_) return false;
  const Digest path = path_of(key);
  return leaves_[nearest(path)].path == path;
}

// As deep as the trie, which is at most 256.
Digest MerkleMap::hash_of(Ref ref) {
  if (ref.leaf) return leaves_[ref.index].hash;
  Inner& inner = inner_[ref.index];
  if (inner.stale) {
    inner.hash = inner_hash(inner.bit, hash_of(inner.children[0]), hash_of(inner.children[1]));
    inner.stale = false;
  }
  return inner.hash;
}

Digest MerkleMap::root() { return root_ ? hash_of(*root_) : sha256({}); }

std::optional<MerkleProof> MerkleMap::prove(BytesView key) {
  if (!contains(key)) return std::nullopt;
  const Digest path = path_of(key);
  MerkleProof out;
  for (Ref at = *root_; !at.leaf;) {
    const Inner& inner = inner_[at.index];
    const unsigned side = bit_at(path, inner.bit);
    out.steps.push_back({inner.bit, hash_of(inner.children[1 - side])});
    at = inner.children[side];
  }
  std::ranges::reverse(out.steps);
  return out;
}

}  // namespace icws
