// Mode feed: which messages a quorum has seen, in an order that respects what honest replicas saw.
// Design section 4, "feed".
#pragma once

#include <deque>
#include <expected>
#include <map>
#include <vector>

#include "agreement/feed_graph.h"
#include "agreement/feed_log.h"
#include "agreement/observation.h"
#include "agreement/params.h"
#include "agreement/quorum.h"
#include "agreement/rejection.h"
#include "agreement/section.h"
#include "agreement/settled_index.h"
#include "base/time.h"

namespace icws::agreement {

// Messages of a key that the canister does not get.
struct GapCount {
  uint64_t missing = 0;
  // Of these, so many were decidable, but the inbox was full.
  uint64_t dropped = 0;
  bool operator==(const GapCount&) const = default;
  static void fields(auto& archive, auto& self) { archive(self.missing, self.dropped); }
};

// The replicated part.
struct FeedState {
  // What the last W + 2 blocks settled, oldest first.
  std::deque<SettledBlock> settled;
  // When each decidable item became so.
  std::map<FeedItem, AgreedTime> decidable_since;
  // Items per key that no gap mark counts yet.
  std::map<KeyHash, GapCount> gaps;
  static void fields(auto& archive, auto& self) { archive(self.settled, self.decidable_since, self.gaps); }
};

struct FeedDecision {
  // In emission order, whole components.
  std::vector<Observation> contents;
};

struct FeedBudget {
  uint64_t content_bytes = 0;
  uint64_t inbox_bytes = 0;
  // Larger contents are entries of several parts.
  uint64_t part_bytes = UINT64_MAX;
};

struct FeedContext {
  Height height;
  AgreedTime now;
  // Expiry pauses while the inbox has no room.
  bool inbox_has_room = true;
  // The inbox is full and the canister wants the newest: what is decidable is settled without contents.
  bool drops = false;
};

// Keys of which messages were dropped and no mark is written yet, at most: further ones wait in the sockets.
// As many as one section lists.
inline constexpr size_t kDroppedKeysMax = 1'024;

// What a block does to a feed, before its contents are looked at.
struct FeedStep {
  FeedGraph graph;
  // By node, where it is decidable: since when.
  std::vector<AgreedTime> decidable_since;
  // By node: expired in this block.
  std::vector<bool> expired;
  uint32_t expired_count = 0;
};
FeedStep begin_feed(const FeedState& state, const View& view, Quorum quorum, const FeedContext& context,
                    const AgreementParams& params);

// The longest prefix of the emission order whose contents `log` has and the budget holds.
FeedDecision propose_feed(const FeedStep& step, const FeedLog& log, const FeedBudget& budget);

// One emitted message, with the gap mark that stands before it (0 missing: none).
struct FeedEmission {
  GapCount gap;
  KeyHash gap_key{};
  Observation observation;
};

struct FeedOutcome {
  FeedState state;
  std::vector<FeedEmission> emissions;
  // Decided, expired and dropped copies.
  std::vector<SettledContent> settled;
};

// The state after `decision` (which may be empty).
std::expected<FeedOutcome, DecisionFault> decide_feed(const FeedState& state, const FeedStep& step,
                                                      const FeedDecision& decision,
                                                      const FeedContext& context,
                                                      const AgreementParams& params);

}  // namespace icws::agreement
