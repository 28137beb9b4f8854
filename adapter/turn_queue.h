// Who is next, fairly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace icws::adapter {

// What: gives out a bounded number of turns. Whoever waits stands in a lane; lanes take turns with each
// other, and inside a lane the first comes first. A lane may hold only a part of all turns, so that one whose
// turns take long leaves some to the others at once. Thread-safety: none. Pure. Memory: a lane exists while
// somebody waits in it or has a turn.
class TurnQueue {
 public:
  // Both >= 1: turns at the same time, together and of one lane.
  TurnQueue(size_t turns_max, size_t lane_turns_max)
      : turns_max_(turns_max), lane_turns_max_(lane_turns_max) {}

  // Ids are the caller's own, and unique among those that wait.
  void wait(std::string_view lane, uint64_t id);
  // Leaves the line.
  void leave(std::string_view lane, uint64_t id);
  // Who has the next turn, if there is one. The turn lasts until finished().
  std::optional<uint64_t> next();
  void finished(std::string_view lane);

  size_t turns() const { return turns_; }
  size_t lanes() const { return lanes_.size(); }

 private:
  struct Lane {
    std::deque<uint64_t> waiting;
    size_t turns = 0;
  };
  using Lanes = std::map<std::string, Lane, std::less<>>;

  void forget_if_idle(Lanes::iterator lane);

  const size_t turns_max_;
  const size_t lane_turns_max_;
  size_t turns_ = 0;
  Lanes lanes_;
  // The lane after whose name the search for the next turn begins.
  std::string last_;
};

}  // namespace icws::adapter
