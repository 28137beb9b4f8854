// How many bytes a second may be read: by the node, and for each canister.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "adapter/limit.h"
#include "adapter/token_bucket.h"

namespace icws::adapter {

struct ReceiveLimits {
  uint64_t bytes_per_second_max = 1024 * 1024 * 1024;
  uint64_t bytes_per_second_per_canister_max = 64 * 1024 * 1024;
};

// What: says when a connection may read next. Nothing is dropped and nobody is cut: what is not read waits in
// the kernel and then in TCP, which slows the server down. A read is reserved with the size that it will
// probably have and settled with what it had, so that waiting connections get their turns in the order in
// which they asked, each waking once.
// Thread-safety: none. Pure: time is an argument.
// Ownership: sources refer to the pacer, which must outlive them.
// Memory: a canister is remembered while it has a source or its burst is not whole again (a second).
class ReceivePacer {
 public:
  using Time = TokenBucket::Time;
  using Duration = TokenBucket::Duration;

  struct Wait {
    Duration time{0};
    // Whose limit it is, if there is something to wait for.
    Limit limit = Limit::kReceiveBytesPerSecondMax;
  };

  // What: one connection's share.
  class Source {
   public:
    // How long to wait before a read, which is taken with this. The read must be settled.
    Wait reserve(Time now);
    // What the read brought.
    void settle(uint64_t bytes, Time now);

   private:
    friend class ReceivePacer;
    Source(ReceivePacer& pacer, std::shared_ptr<TokenBucket> canister)
        : pacer_(pacer), canister_(std::move(canister)) {}

    ReceivePacer& pacer_;
    // Null: no canister, no limit but the node's.
    std::shared_ptr<TokenBucket> canister_;
    // Of the last read, at least kReadBytesMin: the guess of the next.
    uint64_t expected_ = kReadBytesMin;
  };

  explicit ReceivePacer(const ReceiveLimits& limits);
  ReceivePacer(const ReceivePacer&) = delete;
  ReceivePacer& operator=(const ReceivePacer&) = delete;

  // From now on, for all connections; rates begin with a whole burst.
  void set_limits(const ReceiveLimits& limits);

  // `canister`: empty for none.
  Source source(std::string_view canister, Time now);

  size_t canisters() const { return canisters_.size(); }

 private:
  // A read costs time beside its bytes: so many are counted at the least.
  static constexpr uint64_t kReadBytesMin = 512;
  static constexpr size_t kSweepMin = 64;

  ReceiveLimits limits_;
  TokenBucket node_;
  std::map<std::string, std::shared_ptr<TokenBucket>, std::less<>> canisters_;
  size_t swept_ = 0;
};

}  // namespace icws::adapter
