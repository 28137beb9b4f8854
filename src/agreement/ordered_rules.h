// Mode ordered: which prefix of one common sequence a quorum has seen. Design section 4, "ordered".
#pragma once

#include <expected>
#include <optional>
#include <vector>

#include "agreement/observation.h"
#include "agreement/ordered_log.h"
#include "agreement/params.h"
#include "agreement/quorum.h"
#include "agreement/rejection.h"
#include "agreement/section.h"
#include "base/time.h"

namespace icws::agreement {

// The replicated part: P and H_P.
struct OrderedState {
  Position position;
  Digest head;
  // Since when there were claims at P+1, room in the inbox, and no progress.
  std::optional<AgreedTime> stuck_since;
  static void fields(auto& archive, auto& self) { archive(self.position, self.head, self.stuck_since); }
};

// Contents P+1..p, then the digests p+1..x that link the supporting heads.
struct OrderedDecision {
  std::vector<Observation> contents;
  std::vector<Digest> digests;
  bool empty() const { return contents.empty(); }
};

struct OrderedBudget {
  // Bytes of contents and digests that still fit into the block, and of entries that fit into the inbox.
  uint64_t content_bytes = 0;
  uint64_t inbox_bytes = 0;
  // Larger contents are entries of several parts.
  uint64_t part_bytes = UINT64_MAX;
};

// The longest decision that `log` can give and the in-force sections support. Empty: nothing to decide.
OrderedDecision propose_ordered(const OrderedState& state, const View& view, const OrderedLog& log,
                                Quorum quorum, const OrderedBudget& budget, const AgreementParams& params);

// The state after `decision`; refuses one that fewer than q in-force sections support at [p, x].
std::expected<OrderedState, DecisionFault> decide_ordered(const OrderedState& state, const View& view,
                                                          const OrderedDecision& decision, Quorum quorum,
                                                          const AgreementParams& params);

// Fixed part of an entry in the inbox: sequence, times, kind and lengths.
inline constexpr uint32_t kEntryOverheadBytes = 64;
// Bytes that an observation takes in the inbox at most: its content, its key and the fixed part of each
// entry.
uint64_t inbox_bytes(const Observation& observation, uint64_t part_bytes);

enum class OrderedVerdict : uint8_t { Continue, Lost, Diverged };

// Whether some head can still get a quorum at P+1. Only claims count: silence is unknown.
struct Claims {
  // By member; a member without a claim is not in it.
  struct Claim {
    size_t member;
    std::optional<Digest> head;  // empty: out
    bool mismatch = false;
  };
  std::vector<Claim> claims;
  // How many claim the most claimed head.
  uint32_t most = 0;
  std::optional<Digest> most_claimed;
};
Claims claims_at_next(const OrderedState& state, const View& view);
OrderedVerdict judge(const Claims& claims, Quorum quorum);
// More than f claim a head at P+1.
bool data_waits(const Claims& claims, Quorum quorum);
// A quorum may still support a head beyond P. Sections made before P moved need not claim one at P+1; and
// where more than f claim one, members that are live may still bring it.
bool may_decide(const OrderedState& state, const View& view, const Claims& claims, Quorum quorum);

}  // namespace icws::agreement
