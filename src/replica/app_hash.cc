#include "replica/app_hash.h"

#include <vector>

namespace icws::replica {

bool LeafHashes::set(BytesView key, BytesView value) {
  thread_local Sha256 hasher;
  const Digest leaf = hasher.update(BytesView("\0", 1)).update_sized(key).update(value).finish();
  const auto it = leaves_.find(key);
  if (it == leaves_.end()) {
    leaves_.emplace(key, leaf);
    return true;
  }
  if (it->second == leaf) return false;
  it->second = leaf;
  return true;
}

bool LeafHashes::remove(BytesView key) {
  const auto it = leaves_.find(key);
  if (it == leaves_.end()) return false;
  leaves_.erase(it);
  return true;
}

Digest LeafHashes::root() const {
  if (leaves_.empty()) return sha256({});
  std::vector<Digest> level;
  level.reserve(leaves_.size());
  for (const auto& [key, leaf] : leaves_) level.push_back(leaf);
  Sha256 hasher;
  while (level.size() > 1) {
    size_t out = 0;
    for (size_t i = 0; i < level.size(); i += 2) {
      level[out++] = i + 1 == level.size()
                         ? level[i]
                         : hasher.update(BytesView("\1", 1)).update(level[i]).update(level[i + 1]).finish();
    }
    level.resize(out);
  }
  return level.front();
}

}  // namespace icws::replica
