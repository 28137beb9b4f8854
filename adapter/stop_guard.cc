#include "adapter/stop_guard.h"

#include <utility>

namespace icws::adapter {

StopGuard::StopGuard(Milliseconds timeout, std::function<void()> late)
    : thread_([this, timeout, late = std::move(late)] {
        std::unique_lock lock(mutex_);
        if (!news_.wait_for(lock, timeout, [this] { return done_; })) late();
      }) {}

StopGuard::~StopGuard() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  news_.notify_all();
  thread_.join();
}

}  // namespace icws::adapter
