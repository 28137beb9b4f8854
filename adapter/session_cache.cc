#include "adapter/session_cache.h"

#include <utility>

namespace icws::adapter {

void SessionCache::drop_oldest(Entry& entry) {
  bytes_ -= entry.sessions.front().bytes.size();
  entry.sessions.pop_front();
}

void SessionCache::put(const std::string& destination, Bytes session, bool single_use, Time now) {
  if (session.size() > kSessionBytesMax || destinations_max_ == 0) return;
  auto found = entries_.find(destination);
  if (found == entries_.end()) {
    if (entries_.size() >= destinations_max_) forget(std::string(order_.front()));
    found = entries_.emplace(destination, Entry{{}, order_.insert(order_.end(), destination)}).first;
  }
  auto& entry = found->second;
  order_.splice(order_.end(), order_, entry.used);
  bytes_ += session.size();
  entry.sessions.push_back({std::move(session), single_use, now});
  while (entry.sessions.size() > kSessionsPerDestination) drop_oldest(entry);
}

std::optional<Bytes> SessionCache::take(const std::string& destination, Time now) {
  const auto found = entries_.find(destination);
  if (found == entries_.end()) return std::nullopt;
  auto& entry = found->second;
  while (!entry.sessions.empty() && now - entry.sessions.front().stored >= kAgeMax) drop_oldest(entry);
  std::optional<Bytes> out;
  if (!entry.sessions.empty()) {
    auto& newest = entry.sessions.back();
    out = newest.bytes;
    if (newest.single_use) {
      bytes_ -= newest.bytes.size();
      entry.sessions.pop_back();
    }
  }
  if (entry.sessions.empty()) {
    forget(destination);
  } else {
    order_.splice(order_.end(), order_, entry.used);
  }
  return out;
}

void SessionCache::forget(const std::string& destination) {
  const auto found = entries_.find(destination);
  if (found == entries_.end()) return;
  while (!found->second.sessions.empty()) drop_oldest(found->second);
  order_.erase(found->second.used);
  entries_.erase(found);
}

}  // namespace icws::adapter
