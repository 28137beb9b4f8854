// Deadlines for Asio waits.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "base/time.h"

namespace icws::adapter {

// What: calls a function that ends a wait, when a deadline passes or when the whole is aborted. One wait at a
// time; the whole (an open with its retries) has a deadline of its own, which shortens each wait's.
// Thread-safety: none; its executor's thread.
// Ownership: the function may refer to anything that lives until disarm() or the destructor.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  Watchdog(boost::asio::any_io_executor executor, Milliseconds whole);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // `cancel` is called at most once: after `timeout`, at the end of the whole, or by abort() (at once, if
  // that was before).
  void arm(Milliseconds timeout, std::function<void()> cancel);
  void disarm();
  // Not for the wait under way alone: every later one ends at once, too.
  void abort();
  // There will be no wait any more: frees what waits need. Afterwards abort() does nothing, and aborted() is
  // false.
  void retire();

  // Why the last armed wait ended early.
  bool expired() const;
  bool aborted() const;
  bool whole_expired() const;

 private:
  struct State;
  // Shared with the timer's handler, which may run after this object's end.
  std::shared_ptr<State> state_;
  Clock::time_point whole_;
};

}  // namespace icws::adapter
