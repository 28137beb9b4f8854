// The agreement on one connection: what a block does to it. The modes and the life cycle come together
// here.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "agreement/delegated_rules.h"
#include "agreement/feed_rules.h"
#include "agreement/observations_rules.h"
#include "agreement/ordered_rules.h"
#include "agreement/params.h"
#include "agreement/rejection.h"
#include "agreement/section.h"
#include "base/time.h"
#include "transcript/entry.h"

namespace icws::agreement {

enum class Mode : uint8_t { Ordered = 1, Feed = 2, Observations = 3, Delegated = 4 };
enum class Phase : uint8_t { Opening = 1, Open = 2, Ended = 3 };

// The replicated state of one epoch of one connection. A value; archive encoding.
struct ConnectionState {
  ConnectionId id;
  Mode mode = Mode::Ordered;
  Phase phase = Phase::Opening;
  Epoch epoch;
  // Fixed for the epoch; ascending.
  std::vector<ReplicaIndex> committee;
  AgreedTime opening_since;
  Milliseconds open_timeout{0};
  OrderedState ordered;
  FeedState feed;
  ObservationsState observations;
  DelegatedState delegated;
  // By member: since when it has reported, without a word to the contrary, that its socket is not live any
  // more.
  std::vector<std::optional<AgreedTime>> down_since;
  static void fields(auto& archive, auto& self) {
    archive(self.id, self.mode, self.phase, self.epoch, self.committee, self.opening_since, self.open_timeout,
            self.ordered, self.feed, self.observations, self.delegated, self.down_since);
  }
  Quorum quorum() const { return Quorum(static_cast<uint32_t>(committee.size())); }
};

// What some modes are told beside their connection.
struct ModeSettings {
  ObservationsSettings observations;
  DelegatedSettings delegated;
};

// A new epoch. `parameters`: digest of what the canister asked for. committee: 1 to 40, ascending.
ConnectionState begin_epoch(ConnectionId id, Mode mode, Epoch epoch, std::vector<ReplicaIndex> committee,
                            const Digest& parameters, AgreedTime now, Milliseconds open_timeout,
                            const ModeSettings& settings = {});

// What a proposer adds for one connection.
struct Decision {
  // All modes but ordered, while opening.
  std::optional<Bytes> opened;
  OrderedDecision ordered;
  FeedDecision feed;
  bool empty() const { return !opened && ordered.empty() && feed.contents.empty(); }
};

// Bytes that a decision takes of a block's contents: what is bounded is what a payload carries.
uint64_t carried_bytes(const Decision& decision);

struct Context {
  Height height;
  AgreedTime now;
  // Bytes of entries that the inbox still takes, the reserve for closing and gap entries not counted.
  uint64_t inbox_bytes = 0;
  // There is room for the largest message: timers that end things run only then.
  bool inbox_has_room = true;
  // Feed: the inbox is full, and what is decidable is dropped.
  bool drops = false;
  // Larger contents are entries of several parts.
  uint64_t part_bytes = UINT64_MAX;
};

// One replica's local data, as far as it has any.
struct Local {
  const OrderedLog* ordered = nullptr;
  const FeedLog* feed = nullptr;
  // Archive encoding of the transcript::Opened that this replica's socket got.
  const Bytes* opened = nullptr;
};

struct End {
  transcript::Cause cause = transcript::Cause::Connection;
  uint16_t code = 1006;
  std::string reason;
  bool was_open = true;
  // Diverged: the members whose claims show it, by place in the committee.
  std::vector<Claims::Claim> evidence;
  // Delegated: only the term ends, and the next member takes over.
  bool hand_over = false;
};

struct Outcome {
  ConnectionState next;
  std::optional<transcript::Opened> opened;
  // Messages only, in order.
  std::vector<FeedEmission> emissions;
  // Observations: ascending by key.
  std::vector<transcript::Reading> readings;
  // Feed: marks of what was dropped earlier and no message of the key has followed yet. They come after
  // `emissions`.
  std::vector<std::pair<KeyHash, GapCount>> marks;
  // Feed: what local logs have to settle.
  std::vector<SettledContent> settled;
  std::optional<End> end;
};

// Without a decision, and while all sections in force are quiet or missing, evaluate() gives the same state
// again and nothing else, whatever the time: such a block need not look at the connection.
bool at_rest(const ConnectionState& state);

// Digest in Section::opened.
Digest opened_digest(BytesView encoded_opened);

// Pure; may look at local data. Empty where nothing can be decided.
Decision propose(const ConnectionState& state, const View& view, const Local& local, const Context& context,
                 uint64_t content_bytes, const AgreementParams& params);

// Pure function of its arguments, the same on every replica. `decision` may be empty; a wrong one is refused,
// and the caller evaluates again without it. Legal in phases Opening and Open.
std::expected<Outcome, DecisionFault> evaluate(const ConnectionState& state, const View& view,
                                               const Decision& decision, const Context& context,
                                               const AgreementParams& params);

}  // namespace icws::agreement
