#include "adapter/watchdog.h"

#include <algorithm>
#include <utility>

namespace icws::adapter {

struct Watchdog::State {
  explicit State(boost::asio::any_io_executor executor) : timer(std::move(executor)) {}

  void fire() {
    if (cancel) std::exchange(cancel, nullptr)();
  }

  boost::asio::steady_timer timer;
  std::function<void()> cancel;
  // Tells a handler that was already queued when its wait was disarmed from the current one.
  uint64_t round = 0;
  bool expired = false;
  bool aborted = false;
};

Watchdog::Watchdog(boost::asio::any_io_executor executor, Milliseconds whole)
    : state_(std::make_shared<State>(std::move(executor))), whole_(Clock::now() + whole) {}

Watchdog::~Watchdog() { retire(); }

void Watchdog::arm(Milliseconds timeout, std::function<void()> cancel) {
  state_->expired = false;
  state_->cancel = std::move(cancel);
  const uint64_t round = ++state_->round;
  if (state_->aborted) {
    state_->fire();
    return;
  }
  state_->timer.expires_at(std::min(Clock::now() + timeout, whole_));
  state_->timer.async_wait([state = state_, round](const boost::system::error_code& error) {
    if (error || round != state->round) return;
    state->expired = true;
    state->fire();
  });
}

void Watchdog::disarm() {
  ++state_->round;
  state_->cancel = nullptr;
  state_->timer.cancel();
}

void Watchdog::abort() {
  if (!state_) return;
  state_->aborted = true;
  state_->fire();
}

void Watchdog::retire() {
  if (state_) disarm();
  state_.reset();
}

bool Watchdog::expired() const { return state_->expired; }
bool Watchdog::aborted() const { return state_ && state_->aborted; }
bool Watchdog::whole_expired() const { return Clock::now() >= whole_; }

}  // namespace icws::adapter
