// One timer for the deadlines of all connections.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <vector>

#include "base/time.h"

namespace icws::adapter {

// What has deadlines: visited once a period.
class Kept {
 public:
  virtual void keep(std::chrono::steady_clock::time_point now) = 0;

 protected:
  ~Kept() = default;

 private:
  friend class Keeper;
  size_t place_ = 0;
};

// What: visits everything that was added, once a period; so a deadline is late by a period at most. A timer
// and a coroutine for each connection would cost a KiB each and wake the thread as often. Thread-safety:
// none; its executor's thread. keep() may add and remove. Ownership: refers to what it keeps; remove() comes
// before that dies. Outlives all it keeps; when it dies itself, it keeps nothing or its executor runs no
// more.
class Keeper {
 public:
  Keeper(boost::asio::any_io_executor executor, Milliseconds period)
      : timer_(std::move(executor)), period_(period) {}

  void add(Kept& kept);
  void remove(Kept& kept);
  // From the next visit on.
  void set_period(Milliseconds period) { period_ = period; }

 private:
  void arm();
  void visit();

  boost::asio::steady_timer timer_;
  Milliseconds period_;
  std::vector<Kept*> kept_;
};

}  // namespace icws::adapter
