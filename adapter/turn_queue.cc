#include "adapter/turn_queue.h"

#include <algorithm>

namespace icws::adapter {

void TurnQueue::wait(std::string_view lane, uint64_t id) {
  auto found = lanes_.find(lane);
  if (found == lanes_.end()) found = lanes_.emplace(std::string(lane), Lane{}).first;
  found->second.waiting.push_back(id);
}

void TurnQueue::leave(std::string_view lane, uint64_t id) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return;
  std::erase(found->second.waiting, id);
  forget_if_idle(found);
}

std::optional<uint64_t> TurnQueue::next() {
  if (turns_ >= turns_max_) return std::nullopt;
  auto lane = lanes_.upper_bound(last_);
  for (size_t looked = 0; looked < lanes_.size(); ++looked, ++lane) {
    if (lane == lanes_.end()) lane = lanes_.begin();
    auto& [waiting, turns] = lane->second;
    if (waiting.empty() || turns >= lane_turns_max_) continue;
    const uint64_t out = waiting.front();
    waiting.pop_front();
    ++turns;
    ++turns_;
    last_ = lane->first;
    return out;
  }
  return std::nullopt;
}

void TurnQueue::finished(std::string_view lane) {
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return;
  --found->second.turns;
  --turns_;
  forget_if_idle(found);
}

void TurnQueue::forget_if_idle(Lanes::iterator lane) {
  if (lane->second.waiting.empty() && lane->second.turns == 0) lanes_.erase(lane);
}

}  // namespace icws::adapter
