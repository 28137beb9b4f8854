// One replica's own observations of a feed that are not settled yet.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agreement/observation.h"
#include "base/ids.h"
#include "base/time.h"

namespace icws::agreement {

// An event of one of this replica's sockets.
struct EventRef {
  Attempt attempt;
  EventSequence event;
  auto operator<=>(const EventRef&) const = default;
};

// What: unsettled observations in order of arrival, and the credits of copies that others settled first.
// Thread-safety: none. Ownership: a value. Errors: none.
class FeedLog {
 public:
  struct Entry {
    ContentId id;
    Observation observation;
    EventRef event;
    LocalTime received;
    // When it was first in a report; empty: not yet. Those that were are the oldest ones.
    std::optional<LocalTime> listed;
    // The same, whatever has made the wait start anew since.
    std::optional<LocalTime> first_listed;
    // Counts from 1 in order of arrival.
    uint64_t ordinal = 0;
  };
  // An entry that needs no agreement any more: its event can be acknowledged.
  struct Freed {
    EventRef event;
    LocalTime received;
  };
  struct Credit {
    ContentId id;
    LocalTime until;
  };

  // False: the copy was absorbed by a credit and its event is free at once.
  bool append(Observation observation, EventRef event, LocalTime now);
  // The items to report, in order of arrival: as many as fit into `bytes_max` of a section's encoding and
  // `items_max`. Remembers that they were listed.
  std::vector<FeedItem> list(size_t bytes_max, size_t items_max, LocalTime now);
  // Agreement settled `count` copies of `id`: removes the earliest ones, and keeps a credit for each that is
  // still to come.
  std::vector<Freed> settle(const ContentId& id, uint32_t count, LocalTime now, Milliseconds absorb);
  // Removes what was listed for `drop_after` and is not decidable. Under backpressure nothing is dropped and
  // all waiting starts anew.
  std::vector<Freed> drop_stale(LocalTime now, Milliseconds drop_after, bool backpressure,
                                const std::function<bool(const FeedItem&)>& decidable);
  // What the newest list() had no room for.
  bool overfull() const { return entries_.size() > room_; }
  // When an entry came, or when the inbox last had no room, if that was later. The older, the earlier.
  LocalTime waits_since(const Entry& entry) const { return std::max(entry.received, full_until_); }
  // Some entry has waited since `before`.
  bool has_waited_since(LocalTime before) const {
    return !entries_.empty() && waits_since(entries_.front()) <= before;
  }
  enum class Hope : uint8_t { None, Some, ForAllLaterToo };
  // Some entry was listed by then, and is here only because the inbox was full since.
  bool has_overdue(LocalTime listed_by) const {
    return !entries_.empty() && overdue(entries_.front(), listed_by);
  }
  // Removes the oldest entries that have waited since `before` and are hopeless: where the log is overfull,
  // as many as are too many; and those that are overdue. Asks from the oldest on.
  std::vector<Freed> make_room(LocalTime before, LocalTime listed_by,
                               const std::function<Hope(const Entry&)>& hope);
  // The copy-th unsettled copy, or null.
  const Entry* entry(const FeedItem& item) const;
  const Observation* find(const FeedItem& item) const {
    const Entry* found = entry(item);
    return found == nullptr ? nullptr : &found->observation;
  }
  size_t size() const { return entries_.size(); }
  // Some entry came from a socket before this one.
  bool holds_before(Attempt attempt) const {
    return !entries_.empty() && entries_.front().event.attempt < attempt;
  }

  // Credits that have not run out, to be kept over a restart.
  std::vector<Credit> credits(LocalTime now) const;
  void restore(const std::vector<Credit>& credits) {
    credits_.assign(credits.begin(), credits.end());
    index_credits();
  }

 private:
  using Entries = std::list<Entry>;
  static bool overdue(const Entry& entry, LocalTime listed_by) {
    return entry.first_listed && *entry.first_listed <= listed_by;
  }
  Entries::iterator remove(Entries::iterator entry, std::vector<Freed>& freed);
  void index_credits();
  bool consume_credit(const ContentId& id, LocalTime now);
  void forget_old_credits(LocalTime now);

  Entries entries_;
  // In order of arrival.
  std::unordered_map<ContentId, std::list<Entries::iterator>> copies_;
  // When the inbox last had no room.
  LocalTime full_until_ = LocalTime::min();
  uint64_t last_ordinal_ = 0;
  // Entries that the newest list() had room for.
  size_t room_ = SIZE_MAX;
  struct CreditCount {
    uint32_t left = 0;
    // Used up, but still in credits_: the earliest ones of their content.
    uint32_t used = 0;
  };
  // In order of expiry.
  std::deque<Credit> credits_;
  std::unordered_map<ContentId, CreditCount> credit_counts_;
};

}  // namespace icws::agreement
