#include "sim/ledger.h"

#include <algorithm>

namespace icws::sim {

void Ledger::saw(uint32_t member, const replica::SocketKey& key, const std::string& text, Milliseconds now) {
  sockets_[{member, key}].push_back(text);
  Seen& seen = seen_[key.connection][text][member];
  if (++seen.copies > 1) return;
  seen.first = ++arrivals_;
  seen.first_at = now;
}

void Ledger::opened(uint32_t member, const replica::SocketKey& key) {
  if (!faulty(member)) open_[{key.connection, key.epoch}].insert(member);
}

void Ledger::closed(uint32_t member, transcript::Cause cause) {
  if (!faulty(member)) causes_.insert(cause);
}

bool Ledger::is_open(uint32_t member, ConnectionId connection, Epoch epoch) const {
  const auto it = open_.find({connection, epoch});
  return it != open_.end() && it->second.contains(member);
}

void Ledger::wrote(uint32_t member, ConnectionId connection, const std::string& content) {
  wrote_[{connection, content}].insert(member);
}

bool Ledger::has_written(uint32_t member, ConnectionId connection, const std::string& content) const {
  const auto it = wrote_.find({connection, content});
  return faulty(member) || (it != wrote_.end() && it->second.contains(member));
}

uint32_t Ledger::members_that_wrote(ConnectionId connection, const std::string& content) const {
  const auto it = wrote_.find({connection, content});
  if (it == wrote_.end()) return 0;
  return static_cast<uint32_t>(
      std::ranges::count_if(it->second, [&](uint32_t member) { return !faulty(member); }));
}

std::vector<std::string> Ledger::seen_by_anyone(ConnectionId connection) const {
  std::vector<std::string> out;
  const auto texts = seen_.find(connection);
  if (texts == seen_.end()) return out;
  for (const auto& [text, members] : texts->second) out.push_back(text);
  std::ranges::sort(out);
  return out;
}

std::optional<Milliseconds> Ledger::seen_by_all(ConnectionId connection, const std::string& text) const {
  if (members_with(connection, text) + faulty_count() < members_) return std::nullopt;
  Milliseconds last{0};
  for (const auto& [member, seen] : seen_.at(connection).at(text)) {
    if (!faulty(member)) last = std::max(last, seen.first_at);
  }
  return last;
}

std::optional<Milliseconds> Ledger::first_seen(ConnectionId connection, const std::string& text) const {
  if (members_with(connection, text) == 0) return std::nullopt;
  std::optional<Milliseconds> first;
  for (const auto& [member, seen] : seen_.at(connection).at(text)) {
    if (!faulty(member)) first = std::min(first.value_or(seen.first_at), seen.first_at);
  }
  return first;
}

uint32_t Ledger::members_with(ConnectionId connection, const std::string& text) const {
  const auto texts = seen_.find(connection);
  if (texts == seen_.end()) return 0;
  const auto seen = texts->second.find(text);
  if (seen == texts->second.end()) return 0;
  return static_cast<uint32_t>(
      std::ranges::count_if(seen->second, [&](const auto& member) { return !faulty(member.first); }));
}

uint64_t Ledger::copies(ConnectionId connection, const std::string& text) const {
  const auto texts = seen_.find(connection);
  if (texts == seen_.end()) return 0;
  const auto seen = texts->second.find(text);
  if (seen == texts->second.end()) return 0;
  uint64_t out = 0;
  for (const auto& [member, one] : seen->second) out += faulty(member) ? 0 : one.copies;
  return out;
}

bool Ledger::all_before(ConnectionId connection, const std::string& earlier, const std::string& later) const {
  const auto& texts = seen_.at(connection);
  const auto seen_later = texts.find(later), seen_earlier = texts.find(earlier);
  if (seen_later == texts.end() || seen_earlier == texts.end()) return false;
  return std::ranges::all_of(seen_later->second, [&](const auto& one) {
    if (!tells_the_truth(one.first)) return true;
    const auto same = seen_earlier->second.find(one.first);
    return same != seen_earlier->second.end() && same->second.first < one.second.first;
  });
}

std::vector<std::string> Ledger::seen_by_any(ConnectionId connection) const {
  std::vector<std::string> out;
  const auto texts = seen_.find(connection);
  if (texts == seen_.end()) return out;
  for (const auto& [text, members] : texts->second) {
    if (std::ranges::any_of(members, [&](const auto& member) { return tells_the_truth(member.first); }))
      out.push_back(text);
  }
  std::ranges::sort(out);
  return out;
}

uint32_t Ledger::members_with_prefix(ConnectionId connection, Epoch epoch,
                                     const std::vector<std::string>& texts) const {
  if (texts.empty()) return members_ - faulty_count();
  uint32_t out = 0;
  for (uint32_t member = 0; member < members_; ++member) {
    if (faulty(member)) continue;
    const auto* brought = socket(member, {connection, epoch, Attempt(1)});
    out += brought != nullptr && brought->size() >= texts.size() &&
           std::equal(texts.begin(), texts.end(), brought->begin());
  }
  return out;
}

const std::vector<std::string>* Ledger::socket(uint32_t member, const replica::SocketKey& key) const {
  const auto it = sockets_.find({member, key});
  return it == sockets_.end() ? nullptr : &it->second;
}

}  // namespace icws::sim
