// News between coroutines of one thread.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

namespace icws::adapter {

// What: lets one coroutine wait until someone calls give(). Nothing is remembered: news without a waiter is
// lost, so the waiter looks at its condition first. Costs a pointer while nobody waits.
// Thread-safety: none; the waiter's thread. Ownership: outlives the wait.
class Signal {
 public:
  // May also end without news, never with an error.
  boost::asio::awaitable<void> wait(
      std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max()) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    timer.expires_at(until);
    waiting_ = &timer;
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::deferred));
    waiting_ = nullptr;
  }
  void give() {
    if (waiting_) waiting_->cancel();
  }

 private:
  boost::asio::steady_timer* waiting_ = nullptr;
};

}  // namespace icws::adapter
