// What each client of the comparison measures.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace icws::bench {

// What: messages a second over kMeasure, after kWarmUp in which buffers grow. Thread-safety: none.
class RateMeter {
 public:
  static constexpr std::chrono::milliseconds kWarmUp{300};
  static constexpr std::chrono::milliseconds kMeasure{1'000};

  // False: enough. Looks at the clock every 64 messages, so that a slow client's clock costs it little.
  bool add(uint64_t messages) {
    messages_ += messages;
    return messages_ < look_at_ || look();
  }
  // What the benchmark reads from a client's output.
  void print() const { std::printf("%.0f\n", rate_); }

 private:
  using Clock = std::chrono::steady_clock;

  bool look() {
    look_at_ = messages_ + 64;
    const auto now = Clock::now();
    if (started_ == Clock::time_point{}) started_ = now;
    if (!warm_) {
      warm_ = now - started_ >= kWarmUp;
      begin_ = now;
      before_ = messages_;
      return true;
    }
    if (now - begin_ < kMeasure) return true;
    rate_ = static_cast<double>(messages_ - before_) / std::chrono::duration<double>(now - begin_).count();
    return false;
  }

  uint64_t messages_ = 0;
  uint64_t look_at_ = 1;
  uint64_t before_ = 0;
  Clock::time_point started_{};
  Clock::time_point begin_{};
  bool warm_ = false;
  double rate_ = 0;
};

}  // namespace icws::bench
