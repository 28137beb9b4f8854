// A rate with a burst.
#pragma once

#include <chrono>
#include <cstdint>

namespace icws::adapter {

// What: tokens flow in at a rate up to a capacity; whoever takes some may overdraw, and the next waits until
// there is one again. Kept as one instant, the time at which the bucket would be full (GCRA, ITU-T I.371),
// with the division's remainder: no rounding adds up.
// Thread-safety: none. Pure: time is an argument; it must not go back.
class TokenBucket {
 public:
  using Duration = std::chrono::nanoseconds;
  using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;

  // Both >= 1. Begins full.
  TokenBucket(uint64_t per_second, uint64_t capacity);

  // Until there is a token; zero if there is one.
  Duration wait(Time now) const;
  // At most 2^33 tokens at a time.
  void take(uint64_t tokens, Time now);
  // Undoes a take; the bucket never gets fuller than full.
  void give_back(uint64_t tokens);
  // Takes one token of the future, and says how long to wait before it is used: those who come first go
  // first.
  Duration reserve(uint64_t tokens, Time now);
  // Nothing would be lost with the bucket.
  bool full(Time now) const { return full_at_ <= now; }

 private:
  Duration cost(uint64_t tokens);

  uint64_t per_second_;
  // From empty but for one token to full.
  Duration slack_;
  Time full_at_{};
  uint64_t remainder_ = 0;
};

}  // namespace icws::adapter
