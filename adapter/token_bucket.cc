#include "adapter/token_bucket.h"

#include <algorithm>

namespace icws::adapter {
namespace {

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace

TokenBucket::TokenBucket(uint64_t per_second, uint64_t capacity) : per_second_(per_second) {
  // In parts, so that a GiB of capacity does not overflow.
  const uint64_t tokens = capacity - 1;
  slack_ = std::chrono::seconds(tokens / per_second) +
           Duration((tokens % per_second) * kNanosecondsPerSecond / per_second);
}

TokenBucket::Duration TokenBucket::cost(uint64_t tokens) {
  const uint64_t total = tokens * kNanosecondsPerSecond + remainder_;
  remainder_ = total % per_second_;
  return Duration(total / per_second_);
}

TokenBucket::Duration TokenBucket::wait(Time now) const {
  return std::max(Duration::zero(), full_at_ - slack_ - now);
}

void TokenBucket::take(uint64_t tokens, Time now) { full_at_ = std::max(full_at_, now) + cost(tokens); }

void TokenBucket::give_back(uint64_t tokens) {
  full_at_ -= Duration(tokens * kNanosecondsPerSecond / per_second_);
}

TokenBucket::Duration TokenBucket::reserve(uint64_t tokens, Time now) {
  const auto waited = wait(now);
  take(tokens, now);
  return waited;
}

}  // namespace icws::adapter
