#include "agreement/feed_log.h"

#include <algorithm>
#include <unordered_set>

namespace icws::agreement {
namespace {

// Bytes in a section's encoding: index and copy as varints beside the digest; a key once.
constexpr size_t kItemBytes = 32 + 2 + 2;
constexpr size_t kKeyBytes = 16;

struct KeyHasher {
  size_t operator()(const KeyHash& key) const {
    size_t out;
    std::memcpy(&out, key.data(), sizeof out);
    return out;
  }
};

}  // namespace

bool FeedLog::append(Observation observation, EventRef event, LocalTime now) {
  const ContentId id = feed_content_id(observation.kind, observation.key, observation.content);
  if (consume_credit(id, now)) return false;
  entries_.push_back(Entry{id, std::move(observation), event, now, {}, {}, ++last_ordinal_});
  copies_[id].push_back(std::prev(entries_.end()));
  return true;
}

std::vector<FeedItem> FeedLog::list(size_t bytes_max, size_t items_max, LocalTime now) {
  std::vector<FeedItem> out;
  std::unordered_map<ContentId, uint32_t> copies;
  std::unordered_set<KeyHash, KeyHasher> keys;
  size_t bytes = 0;
  for (Entry& entry : entries_) {
    if (out.size() == items_max) break;
    bytes += kItemBytes + (keys.insert(entry.id.key).second ? kKeyBytes : 0);
    if (bytes > bytes_max) break;
    if (!entry.listed) entry.listed = entry.first_listed = now;
    out.push_back(FeedItem{entry.id, ++copies[entry.id]});
  }
  room_ = out.size() < entries_.size() ? out.size() : SIZE_MAX;
  return out;
}

std::vector<FeedLog::Freed> FeedLog::settle(const ContentId& id, uint32_t count, LocalTime now,
                                            Milliseconds absorb) {
  std::vector<Freed> freed;
  const auto it = copies_.find(id);
  while (count > 0 && it != copies_.end() && !it->second.empty()) {
    const auto entry = it->second.front();
    freed.push_back(Freed{entry->event, entry->received});
    entries_.erase(entry);
    it->second.pop_front();
    --count;
  }
  if (it != copies_.end() && it->second.empty()) copies_.erase(it);
  forget_old_credits(now);
  for (; count > 0; --count) {
    credits_.push_back(Credit{id, now + absorb});
    ++credit_counts_[id].left;
  }
  return freed;
}

std::vector<FeedLog::Freed> FeedLog::drop_stale(LocalTime now, Milliseconds drop_after, bool backpressure,
                                                const std::function<bool(const FeedItem&)>& decidable) {
  std::vector<Freed> freed;
  if (backpressure) full_until_ = now;
  std::unordered_map<ContentId, uint32_t> copies;
  // What was listed comes first: however long the log is, no more than a report holds is looked at.
  for (auto it = entries_.begin(); it != entries_.end() && it->listed;) {
    const uint32_t copy = ++copies[it->id];
    if (backpressure) it->listed = now;
    const bool stale = now - *it->listed >= drop_after;
    if (!stale || decidable(FeedItem{it->id, copy})) {
      ++it;
      continue;
    }
    --copies[it->id];
    it = remove(it, freed);
  }
  return freed;
}

std::vector<FeedLog::Freed> FeedLog::make_room(LocalTime before, LocalTime listed_by,
                                               const std::function<Hope(const Entry&)>& hope) {
  std::vector<Freed> freed;
  for (auto it = entries_.begin(); it != entries_.end() && waits_since(*it) <= before;) {
    if (!overfull() && !overdue(*it, listed_by)) break;
    const Hope judged = hope(*it);
    if (judged == Hope::ForAllLaterToo) break;
    it = judged == Hope::None ? remove(it, freed) : std::next(it);
  }
  return freed;
}

FeedLog::Entries::iterator FeedLog::remove(Entries::iterator entry, std::vector<Freed>& freed) {
  freed.push_back(Freed{entry->event, entry->received});
  const auto same = copies_.find(entry->id);
  same->second.erase(std::ranges::find(same->second, entry));
  if (same->second.empty()) copies_.erase(same);
  return entries_.erase(entry);
}

const FeedLog::Entry* FeedLog::entry(const FeedItem& item) const {
  const auto it = copies_.find(item.content);
  if (it == copies_.end() || item.copy == 0 || item.copy > it->second.size()) return nullptr;
  return &**std::next(it->second.begin(), item.copy - 1);
}

std::vector<FeedLog::Credit> FeedLog::credits(LocalTime now) const {
  std::vector<Credit> out;
  std::unordered_map<ContentId, uint32_t> skipped;
  for (const Credit& credit : credits_) {
    if (skipped[credit.id]++ < credit_counts_.at(credit.id).used) continue;
    if (credit.until > now) out.push_back(credit);
  }
  return out;
}

void FeedLog::index_credits() {
  credit_counts_.clear();
  for (const Credit& credit : credits_) ++credit_counts_[credit.id].left;
}

bool FeedLog::consume_credit(const ContentId& id, LocalTime now) {
  forget_old_credits(now);
  const auto it = credit_counts_.find(id);
  if (it == credit_counts_.end() || it->second.left == 0) return false;
  --it->second.left;
  ++it->second.used;
  return true;
}

void FeedLog::forget_old_credits(LocalTime now) {
  while (!credits_.empty() && credits_.front().until <= now) {
    const auto it = credit_counts_.find(credits_.front().id);
    --(it->second.used > 0 ? it->second.used : it->second.left);
    if (it->second.used == 0 && it->second.left == 0) credit_counts_.erase(it);
    credits_.pop_front();
  }
}

}  // namespace icws::agreement
