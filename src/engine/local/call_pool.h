// Calls to all replicas at once, one thread a replica, so that a hung one costs nobody else anything.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/time.h"

namespace icws::engine {

// What: see above. Thread-safety: start, gather and idle from one thread (the orderer's).
// Ownership: the destructor waits for the calls that run; each ends by its own deadline.
class CallPool {
 public:
  explicit CallPool(size_t replicas);
  ~CallPool();
  CallPool(const CallPool&) = delete;
  CallPool& operator=(const CallPool&) = delete;

  // No call to this replica is under way.
  bool idle(size_t replica) const;
  // Runs `call` on the replica's thread. Precondition: idle.
  void start(size_t replica, std::function<void()> call);

  // Calls `call(replica)` for each of `replicas` (all idle) at once. Returns the answers that came until all
  // have answered or, once `enough` answers are good, `grace` has passed. A later answer is dropped. `call`
  // may outlive this function: it owns what it uses.
  template <class T, class Call, class Good>
  std::map<size_t, T> gather(const std::vector<size_t>& replicas, size_t enough, Milliseconds grace,
                             Call call, Good good) {
    auto gathered = std::make_shared<Gathered<T>>();
    for (const size_t replica : replicas) {
      start(replica, [this, gathered, replica, call] {
        T answer = call(replica);
        finish(replica);
        const std::lock_guard lock(gathered->mutex);
        gathered->answers.emplace(replica, std::move(answer));
        gathered->changed.notify_all();
      });
    }
    std::unique_lock lock(gathered->mutex);
    const auto all = [&] { return gathered->answers.size() == replicas.size(); };
    const auto most = [&] {
      return all() ||
             std::cmp_greater_equal(
                 std::ranges::count_if(gathered->answers, [&](const auto& a) { return good(a.second); }),
                 enough);
    };
    gathered->changed.wait(lock, most);
    gathered->changed.wait_for(lock, grace, all);
    // A copy of the map's handle would let a late answer in; a moved-from map takes it and is forgotten.
    return std::exchange(gathered->answers, {});
  }

  // The wrapper of a plain start() calls this last; gather does it by itself.
  void finish(size_t replica);

 private:
  template <class T>
  struct Gathered {
    std::mutex mutex;
    std::condition_variable changed;
    std::map<size_t, T> answers;
  };
  struct Lane {
    std::deque<std::function<void()>> queue;
    size_t under_way = 0;
    std::condition_variable changed;
    std::thread thread;
  };
  void work(Lane& lane);

  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::deque<Lane> lanes_;
};

}  // namespace icws::engine
