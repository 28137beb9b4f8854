// Which of one replica's own observations of a feed cannot find a quorum, by what the other members report.
// Local, never agreed. The argument is in docs/agreement.md, "A log that does not fit".
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "agreement/feed_log.h"
#include "agreement/feed_rules.h"
#include "agreement/params.h"
#include "agreement/quorum.h"
#include "agreement/section.h"
#include "base/ids.h"
#include "base/time.h"

namespace icws::agreement {

// What: when the reports of the last heights were made, and which members have fallen silent.
// Thread-safety: none. Ownership: a value. Errors: none.
class FeedEvidence {
 public:
  // This replica's report of `height` is made now, and the other members' at about the same time.
  void reported(Height height, LocalTime now);
  // After each block at the chain's head; `self` is this replica's place in the committee.
  void observe(const View& view, size_t self, Quorum quorum, LocalTime now, const AgreementParams& params);

  // Empty: this replica made no report of that height, or long ago.
  std::optional<LocalTime> made(Height height) const;
  // Has said nothing for `hold_back` and many blocks in which a quorum spoke.
  bool absent(size_t member) const { return members_[member].absent; }

 private:
  struct Member {
    LocalTime heard;
    // Blocks since then in which a quorum had sections in force.
    uint32_t missed = 0;
    bool absent = false;
  };
  std::vector<Member> members_;
  // Ascending.
  std::vector<std::pair<Height, LocalTime>> reports_;
};

// After a block at the chain's head: removes from `log` what it has no room to report and what more than f
// other members do not have although they had time to; the oldest first, as much as is too much. Also what
// would have been dropped long ago but for a full inbox: it holds up the acknowledgement of all that follows,
// so that the socket may not have been read on. Not while the inbox is full.
std::vector<FeedLog::Freed> make_room(FeedLog& log, const FeedEvidence& evidence, const View& view,
                                      size_t self, Quorum quorum, const FeedState& state, LocalTime now,
                                      const AgreementParams& params);

}  // namespace icws::agreement
