// The last resort when a stop does not come to its end.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/time.h"

namespace icws::adapter {

// What: calls `late` on a thread of its own if it still exists after `timeout`: gRPC's Shutdown does not
// return while a call is unfinished, and a process that stops must not stay. Thread-safety: one owner.
// Ownership: the destructor waits for `late` if that has begun.
class StopGuard {
 public:
  StopGuard(Milliseconds timeout, std::function<void()> late);
  ~StopGuard();
  StopGuard(const StopGuard&) = delete;
  StopGuard& operator=(const StopGuard&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable news_;
  bool done_ = false;
  // Last: it uses the others.
  std::thread thread_;
};

}  // namespace icws::adapter
