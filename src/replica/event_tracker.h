// Which of one socket's events need no agreement any more: what may be acknowledged to the adapter.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "base/ids.h"

namespace icws::replica {

// What: the longest prefix of done events, and the done ones beyond it. Thread-safety: none. A value.
class EventTracker {
 public:
  EventTracker() = default;
  EventTracker(EventSequence prefix, const std::vector<uint64_t>& beyond)
      : prefix_(prefix), done_(beyond.begin(), beyond.end()), received_(prefix) {}

  // False: the event came already, or there is a hole before it.
  bool receive(EventSequence event) {
    if (event != received_.next()) return false;
    received_ = event;
    return true;
  }
  EventSequence received() const { return received_; }

  void done(EventSequence event) {
    if (event <= prefix_) return;
    done_.insert(event.value);
    while (!done_.empty() && *done_.begin() == prefix_.value + 1) {
      prefix_ = prefix_.next();
      done_.erase(done_.begin());
    }
  }
  void done_up_to(EventSequence event) {
    if (event <= prefix_) return;
    prefix_ = event;
    done_.erase(done_.begin(), done_.upper_bound(event.value));
    while (!done_.empty() && *done_.begin() == prefix_.value + 1) {
      prefix_ = prefix_.next();
      done_.erase(done_.begin());
    }
  }
  bool is_done(EventSequence event) const { return event <= prefix_ || done_.contains(event.value); }
  EventSequence prefix() const { return prefix_; }
  // Some later event is done: an undone one holds up its acknowledgement.
  bool held_up() const { return !done_.empty(); }
  std::vector<uint64_t> beyond() const { return {done_.begin(), done_.end()}; }

 private:
  EventSequence prefix_;
  std::set<uint64_t> done_;
  EventSequence received_;
};

}  // namespace icws::replica
