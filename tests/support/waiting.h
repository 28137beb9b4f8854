// Waiting in tests: for an event, with a deadline, never by sleeping.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace icws::support {

// How long a test waits for what must happen. Long, since a loaded machine is slow; reached only by a
// failure.
inline constexpr std::chrono::milliseconds kTestDeadline = std::chrono::seconds(60);

// What: a value that threads change and others wait for. Thread-safety: all methods from any thread.
// The predicate and the change run under the lock: they must not touch the Watched again.
template <class T>
class Watched {
 public:
  Watched() = default;
  explicit Watched(T value) : value_(std::move(value)) {}

  template <class Change>
  void update(Change change) {
    {
      const std::lock_guard lock(mutex_);
      change(value_);
    }
    changed_.notify_all();
  }
  T get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  // False if the predicate did not become true within `deadline`.
  template <class Predicate>
  [[nodiscard]] bool wait_until(Predicate predicate,
                                std::chrono::milliseconds deadline = kTestDeadline) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, deadline, [&] { return predicate(value_); });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  T value_{};
};

// What: something that happens once. Thread-safety: all methods from any thread.
class Event {
 public:
  void set() {
    happened_.update([](bool& value) { value = true; });
  }
  bool is_set() const { return happened_.get(); }
  [[nodiscard]] bool wait(std::chrono::milliseconds deadline = kTestDeadline) const {
    return happened_.wait_until([](bool value) { return value; }, deadline);
  }

 private:
  Watched<bool> happened_;
};

// What: an unbounded queue between threads. Thread-safety: all methods from any thread.
template <class T>
class Mailbox {
 public:
  void put(T item) {
    {
      const std::lock_guard lock(mutex_);
      items_.push_back(std::move(item));
    }
    changed_.notify_one();
  }
  // The oldest item; empty if none came within `deadline`.
  std::optional<T> take(std::chrono::milliseconds deadline = kTestDeadline) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, deadline, [&] { return !items_.empty(); })) return std::nullopt;
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
};

// True as soon as `look` is: for what changes in another process, where nothing tells us when.
[[nodiscard]] inline bool poll(const std::function<bool()>& look,
                               std::chrono::milliseconds deadline = kTestDeadline) {
  constexpr std::chrono::milliseconds kPause{20};
  const auto end = std::chrono::steady_clock::now() + deadline;
  const Event never;
  while (!look()) {
    if (std::chrono::steady_clock::now() > end) return false;
    static_cast<void>(never.wait(kPause));
  }
  return true;
}

}  // namespace icws::support
