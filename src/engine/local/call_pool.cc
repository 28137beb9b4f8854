#include "engine/local/call_pool.h"

namespace icws::engine {

CallPool::CallPool(size_t replicas) : lanes_(replicas) {
  for (Lane& lane : lanes_) lane.thread = std::thread([this, &lane] { work(lane); });
}

CallPool::~CallPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  for (Lane& lane : lanes_) {
    lane.changed.notify_all();
    lane.thread.join();
  }
}

bool CallPool::idle(size_t replica) const {
  const std::lock_guard lock(mutex_);
  return lanes_[replica].under_way == 0;
}

void CallPool::start(size_t replica, std::function<void()> call) {
  Lane& lane = lanes_[replica];
  const std::lock_guard lock(mutex_);
  ++lane.under_way;
  lane.queue.push_back(std::move(call));
  lane.changed.notify_all();
}

void CallPool::finish(size_t replica) {
  const std::lock_guard lock(mutex_);
  --lanes_[replica].under_way;
}

void CallPool::work(Lane& lane) {
  std::unique_lock lock(mutex_);
  while (true) {
    lane.changed.wait(lock, [&] { return stopping_ || !lane.queue.empty(); });
    if (lane.queue.empty()) return;
    const std::function<void()> call = std::move(lane.queue.front());
    lane.queue.pop_front();
    lock.unlock();
    call();
    lock.lock();
  }
}

}  // namespace icws::engine
