// One replica's own observations of an ordered connection's epoch that are not agreed yet.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "agreement/observation.h"
#include "agreement/section.h"
#include "base/time.h"

namespace icws::agreement {

// What: observations at consecutive positions, each with its head on this replica's chain.
// Thread-safety: none. Ownership: a value. Errors: none; a log that contradicts the agreed chain says so
// through in_chain(), for good.
class OrderedLog {
 public:
  struct Entry {
    Observation observation;
    Digest digest;
    Digest head;
    // The adapter's event that it came from.
    EventSequence event;
    LocalTime received;
  };
  // The newest entry that needs no agreement any more, with this log's own head there: what the adapter is
  // told with an acknowledgement.
  struct Agreed {
    EventSequence event;
    Position position;
    Digest head;
    static void fields(auto& archive, auto& self) { archive(self.event, self.position, self.head); }
  };

  // Starts behind `agreed` (position 0 and the epoch's genesis head for a new socket).
  explicit OrderedLog(Agreed agreed);

  void append(Observation observation, EventSequence event, LocalTime now);
  // The state has agreed on everything up to `position`, whose head is `head`. Frees these entries and
  // returns when each was received. A log that ends before has nothing left to report: all of it is freed, so
  // that the adapter reads on, and it compares when it gets to a position that was the agreed one.
  std::vector<LocalTime> advance(Position position, const Digest& head);

  // False once this log's head at an agreed position was another than the agreed one.
  bool in_chain() const { return in_chain_; }
  // Heads at P+1, P+2, P+4, ... and the newest, none beyond P + window; empty where the log ends at or before
  // P.
  std::vector<Head> heads(Position agreed, uint64_t window) const;
  // The entry at `position`, or null.
  const Entry* at(Position position) const;
  Position newest() const { return Position(agreed_.position.value + entries_.size()); }
  const Agreed& agreed() const { return agreed_; }
  size_t size() const { return entries_.size(); }

 private:
  void catch_up(std::vector<LocalTime>& freed);
  // Frees everything up to `position`, which is in the log.
  void free_up_to(Position position, std::vector<LocalTime>& freed);

  Agreed agreed_;
  std::deque<Entry> entries_;
  // Agreed heads that the log has not reached: the earliest one, kept until the log gets there (a log that
  // stays as far behind as it is would else never compare), and the newest one.
  std::optional<Head> target_, newest_target_;
  bool in_chain_ = true;
};

}  // namespace icws::agreement
