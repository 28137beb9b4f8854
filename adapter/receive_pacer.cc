#include "adapter/receive_pacer.h"

#include <algorithm>

namespace icws::adapter {

ReceivePacer::ReceivePacer(const ReceiveLimits& limits)
    : limits_(limits), node_(limits.bytes_per_second_max, limits.bytes_per_second_max) {}

void ReceivePacer::set_limits(const ReceiveLimits& limits) {
  limits_ = limits;
  node_ = TokenBucket(limits.bytes_per_second_max, limits.bytes_per_second_max);
  const uint64_t rate = limits.bytes_per_second_per_canister_max;
  for (auto& [name, bucket] : canisters_) *bucket = TokenBucket(rate, rate);
}

ReceivePacer::Source ReceivePacer::source(std::string_view canister, Time now) {
  if (canister.empty()) return Source(*this, nullptr);
  if (const auto found = canisters_.find(canister); found != canisters_.end()) {
    return Source(*this, found->second);
  }
  if (canisters_.size() >= std::max(2 * swept_, kSweepMin)) {
    std::erase_if(canisters_, [&](const auto& entry) {
      return entry.second.use_count() == 1 && entry.second->full(now);
    });
    swept_ = canisters_.size();
  }
  const uint64_t rate = limits_.bytes_per_second_per_canister_max;
  const auto added = canisters_.emplace(std::string(canister), std::make_shared<TokenBucket>(rate, rate));
  return Source(*this, added.first->second);
}

ReceivePacer::Wait ReceivePacer::Source::reserve(Time now) {
  Wait out{pacer_.node_.reserve(expected_, now)};
  if (!canister_) return out;
  const auto canister = canister_->reserve(expected_, now);
  if (canister <= out.time) return out;
  return {canister, Limit::kReceiveBytesPerSecondPerCanisterMax};
}

void ReceivePacer::Source::settle(uint64_t bytes, Time now) {
  for (auto* bucket : {&pacer_.node_, canister_.get()}) {
    if (!bucket) continue;
    if (bytes > expected_) bucket->take(bytes - expected_, now);
    if (bytes < expected_) bucket->give_back(expected_ - bytes);
  }
  // An attempt that found nothing says nothing of the next read.
  if (bytes > 0) expected_ = std::max(bytes, kReadBytesMin);
}

}  // namespace icws::adapter
