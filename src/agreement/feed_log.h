// One replica's own observations of a feed that are not settled yet.
#pragma once

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
    // When it was first in a report; empty: not yet.
    std::optional<LocalTime> listed;
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
  // The observation of the copy-th unsettled copy, or null.
  const Observation* find(const FeedItem& item) const;
  size_t size() const { return entries_.size(); }

  // Credits that have not run out, to be kept over a restart.
  std::vector<Credit> credits(LocalTime now) const;
  void restore(const std::vector<Credit>& credits) {
    credits_.assign(credits.begin(), credits.end());
    index_credits();
  }

 private:
  using Entries = std::list<Entry>;
  void index_credits();
  bool consume_credit(const ContentId& id, LocalTime now);
  void forget_old_credits(LocalTime now);

  Entries entries_;
  std::unordered_map<ContentId, std::deque<Entries::iterator>> copies_;
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
