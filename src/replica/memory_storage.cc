#include "replica/storage.h"

namespace icws::replica {

std::optional<Bytes> MemoryStorage::get(BytesView key) const {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return std::nullopt;
  return it->second;
}

void MemoryStorage::scan(BytesView prefix, BytesView from,
                         const std::function<bool(BytesView, BytesView)>& visit) const {
  for (auto it = entries_.lower_bound(std::max(prefix, from)); it != entries_.end(); ++it) {
    if (!it->first.starts_with(prefix) || !visit(it->first, it->second)) return;
  }
}

void MemoryStorage::apply(const WriteBatch& batch) {
  for (const auto& [key, value] : batch.writes) {
    if (value) {
      entries_[key] = *value;
    } else {
      entries_.erase(key);
    }
  }
}

}  // namespace icws::replica
