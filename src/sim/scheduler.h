// Virtual time: things that happen later, in order of (time, sequence).
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "base/time.h"

namespace icws::sim {

// Milliseconds of virtual time since the run began.
using SimTime = Milliseconds;
// Block time when a run begins.
inline constexpr BlockTime kRunBegins{Milliseconds(1'700'000'000'000)};

// What: a queue of callbacks. Thread-safety: none. Errors: none; an exception of a callback passes through.
class Scheduler {
 public:
  SimTime now() const { return now_; }
  void after(SimTime delay, std::function<void()> what) {
    queue_.push(Item{now_ + delay, ++sequence_, std::move(what)});
  }
  // Runs everything up to and including `until`.
  void run(SimTime until) {
    while (!queue_.empty() && queue_.top().at <= until) {
      // Moved out first: the callback may schedule.
      Item item = std::move(const_cast<Item&>(queue_.top()));
      queue_.pop();
      now_ = item.at;
      item.what();
    }
    now_ = until;
  }

 private:
  struct Item {
    SimTime at;
    uint64_t sequence;
    std::function<void()> what;
    bool operator<(const Item& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };
  std::priority_queue<Item> queue_;
  SimTime now_{0};
  uint64_t sequence_ = 0;
};

}  // namespace icws::sim
