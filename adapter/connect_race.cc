#include "adapter/connect_race.h"

#include <algorithm>

namespace icws::adapter {
namespace {

constexpr size_t index(Family family) { return static_cast<size_t>(family); }

}  // namespace

void ConnectRace::resolved(Family family, std::span<const Address> addresses, Time now) {
  auto& waiting = waiting_[index(family)];
  resolved_[index(family)] = true;
  for (const auto& address : addresses) {
    if (std::ranges::find(waiting, address) == waiting.end()) waiting.push_back(address);
  }
  if (resolved_both() || family == Family::kV6) {
    // The IPv6 answer is what IPv4 addresses wait for.
    if (waiting_[0].size() + waiting_[1].size() > 0) first_ = std::min(first_.value_or(now), now);
  } else if (!waiting.empty()) {
    first_ = now + settings_.resolution_delay;
  }
}

void ConnectRace::only(const Address& address, Time now) {
  resolved_ = {true, true};
  waiting_[index(address.is_v6() ? Family::kV6 : Family::kV4)].push_back(address);
  first_ = now;
}

std::optional<ConnectRace::Time> ConnectRace::due() const {
  if (!waiting() || !first_ || attempts_ >= settings_.addresses_max) return std::nullopt;
  return pace_ ? std::max(*first_, *pace_) : *first_;
}

std::optional<ConnectRace::Address> ConnectRace::next(Time now) {
  const auto when = due();
  if (!when || *when > now) return std::nullopt;
  const Family other = turn_ == Family::kV6 ? Family::kV4 : Family::kV6;
  const Family family = waiting_[index(turn_)].empty() ? other : turn_;
  auto& waiting = waiting_[index(family)];
  const Address out = waiting.front();
  waiting.pop_front();
  turn_ = family == Family::kV6 ? Family::kV4 : Family::kV6;
  begun_ = now;
  pace_ = now + settings_.attempt_delay;
  ++attempts_;
  ++running_;
  return out;
}

void ConnectRace::failed(bool newest, Time now) {
  --running_;
  if (newest || running_ == 0) pace_ = std::max(now, begun_ + settings_.attempt_delay_min);
}

std::optional<ConnectRace::Time> ConnectRace::wake() const { return due(); }

bool ConnectRace::over() const {
  if (running_ > 0) return false;
  if (attempts_ >= settings_.addresses_max) return true;
  return resolved_both() && !waiting();
}

}  // namespace icws::adapter
