#include "agreement/ordered_log.h"

#include <algorithm>

namespace icws::agreement {

OrderedLog::OrderedLog(Agreed agreed) : agreed_(agreed) {}

void OrderedLog::append(Observation observation, EventSequence event, LocalTime now) {
  Entry entry;
  entry.digest = ordered_digest(observation.kind, observation.content);
  entry.head = chain_next(entries_.empty() ? agreed_.head : entries_.back().head, entry.digest);
  entry.observation = std::move(observation);
  entry.event = event;
  entry.received = now;
  entries_.push_back(std::move(entry));
  if (target_) {
    std::vector<LocalTime> late;
    catch_up(late);
  }
}

std::vector<LocalTime> OrderedLog::advance(Position position, const Digest& head) {
  std::vector<LocalTime> freed;
  if (position > agreed_.position) {
    newest_target_ = Head{position, head};
    if (!target_ || newest() >= position) target_ = newest_target_;
  }
  catch_up(freed);
  return freed;
}

void OrderedLog::catch_up(std::vector<LocalTime>& freed) {
  if (!target_ || !in_chain_) return;
  if (newest() < target_->position) return free_up_to(newest(), freed);
  if (at(target_->position)->head != target_->digest) {
    in_chain_ = false;
    return;
  }
  free_up_to(target_->position, freed);
  target_ = newest_target_->position > target_->position ? newest_target_ : std::nullopt;
}

void OrderedLog::free_up_to(Position position, std::vector<LocalTime>& freed) {
  const Entry* last = at(position);
  if (last == nullptr) return;
  const uint64_t count = position.value - agreed_.position.value;
  agreed_ = Agreed{last->event, position, last->head};
  for (uint64_t i = 0; i < count; ++i) freed.push_back(entries_[i].received);
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(count));
}

std::vector<Head> OrderedLog::heads(Position agreed, uint64_t window) const {
  std::vector<Head> out;
  const Position last(std::min(newest().value, agreed.value + window));
  const auto add = [&](uint64_t position) {
    if (const Entry* entry = at(Position(position))) out.push_back(Head{Position(position), entry->head});
  };
  for (uint64_t step = 1; agreed.value + step < last.value; step *= 2) add(agreed.value + step);
  if (last > agreed) add(last.value);
  return out;
}

const OrderedLog::Entry* OrderedLog::at(Position position) const {
  if (position <= agreed_.position || position > newest()) return nullptr;
  return &entries_[position.value - agreed_.position.value - 1];
}

}  // namespace icws::agreement
