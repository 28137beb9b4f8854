#include "agreement/connection.h"

#include <algorithm>
#include <map>

#include "agreement/lifecycle.h"

namespace icws::agreement {
namespace {

using transcript::Cause;

// Puts an agreed prefix of an ordered connection into the outcome.
std::expected<void, DecisionFault> take_ordered(const std::vector<Observation>& contents, bool at_start,
                                                Outcome& outcome) {
  for (size_t i = 0; i < contents.size(); ++i) {
    const Observation& observation = contents[i];
    const bool first = at_start && i == 0;
    if (outcome.end || first != (observation.kind == ObservationKind::Opened)) {
      return std::unexpected(DecisionFault::WrongContent);
    }
    if (is_message(observation.kind)) {
      outcome.emissions.push_back(FeedEmission{{}, {}, observation});
    } else if (observation.kind == ObservationKind::Opened) {
      outcome.opened = archive_decode<transcript::Opened>(observation.content);
      if (!outcome.opened) return std::unexpected(DecisionFault::WrongContent);
      outcome.next.phase = Phase::Open;
    } else {
      const auto frame = archive_decode<CloseFrame>(observation.content);
      if (!frame) return std::unexpected(DecisionFault::WrongContent);
      outcome.end = End{Cause::Server, static_cast<uint16_t>(frame->code), frame->reason, true, {}};
    }
  }
  return {};
}

std::expected<void, DecisionFault> step_ordered(const ConnectionState& state, const View& view,
                                                const Decision& decision, const Context& context,
                                                const AgreementParams& params, Outcome& outcome) {
  const Quorum quorum = state.quorum();
  if (!decision.ordered.contents.empty() || !decision.ordered.digests.empty()) {
    auto next = decide_ordered(state.ordered, view, decision.ordered, quorum, params);
    if (!next) return std::unexpected(next.error());
    outcome.next.ordered = std::move(*next);
    const auto taken = take_ordered(decision.ordered.contents, state.ordered.position.value == 0, outcome);
    if (!taken) return taken;
  }
  if (outcome.end) return {};
  const Claims claims = claims_at_next(outcome.next.ordered, view);
  const OrderedVerdict verdict = judge(claims, quorum);
  if (verdict != OrderedVerdict::Continue) {
    outcome.end = ordered_end(verdict, claims, outcome.next, view);
    return {};
  }
  std::optional<AgreedTime>& stuck = outcome.next.ordered.stuck_since;
  const bool waits = data_waits(claims, quorum) && !quorum.is_quorum(claims.most) && context.inbox_has_room;
  if (!waits) {
    stuck.reset();
  } else if (!stuck) {
    stuck = context.now;
  } else if (context.now - *stuck >= params.stall) {
    outcome.end = End{Cause::Stalled, 1006, {}, outcome.next.phase == Phase::Open, {}};
    return {};
  }
  if (!may_decide(outcome.next.ordered, view, claims, quorum)) {
    outcome.end = lifecycle_end(outcome.next, view, context.now, params);
  }
  return {};
}

// All modes but ordered: opens once a quorum has.
std::expected<void, DecisionFault> step_opening(const ConnectionState& state, const View& view,
                                                const Decision& decision, Outcome& outcome) {
  if (!decision.feed.contents.empty()) return std::unexpected(DecisionFault::WrongPhase);
  auto opened = feed_opened(state, view, decision.opened);
  if (!opened) return std::unexpected(opened.error());
  if (*opened) {
    outcome.opened = std::move(**opened);
    outcome.next.phase = Phase::Open;
  }
  return {};
}

std::expected<void, DecisionFault> step_observations(const ConnectionState& state, const View& view,
                                                     const Decision& decision, const Context& context,
                                                     const AgreementParams& params, Outcome& outcome) {
  ObservationsState& observations = outcome.next.observations;
  if (state.phase == Phase::Opening) {
    if (auto stepped = step_opening(state, view, decision, outcome); !stepped) return stepped;
    // Until then nothing is due.
    begin_observations(observations, context.now);
  } else if (decision.opened || !decision.feed.contents.empty()) {
    return std::unexpected(DecisionFault::WrongPhase);
  }
  outcome.readings = read_observations(observations, view, state.committee,
                                       ObservationsContext{context.height, context.now, context.inbox_bytes,
                                                           context.inbox_has_room, params.blocks_in_force});
  if (!outcome.opened) outcome.end = lifecycle_end(outcome.next, view, context.now, params);
  return {};
}

// Nothing is decided here but that the owner was silent, or did not open, for too long.
std::expected<void, DecisionFault> step_delegated(const ConnectionState& state, const View&,
                                                  const Decision& decision, const Context& context,
                                                  const AgreementParams&, Outcome& outcome) {
  if (decision.opened || !decision.feed.contents.empty()) return std::unexpected(DecisionFault::WrongPhase);
  const bool silent = context.now - state.delegated.last_heard >= state.delegated.settings.timeout;
  const bool late = state.phase == Phase::Opening && context.now - state.opening_since >= state.open_timeout;
  if (!silent && !late) return {};
  DelegatedState& next = outcome.next.delegated;
  const TermEnd ended = end_term(next, Cause::Timeout, state.quorum());
  outcome.end = End{ended.cause, 1006, {}, next.was_open, {}, ended.hand_over};
  return {};
}

std::expected<void, DecisionFault> step_feed(const ConnectionState& state, const View& view,
                                             const Decision& decision, const Context& context,
                                             const AgreementParams& params, Outcome& outcome) {
  if (state.phase == Phase::Opening) {
    if (auto stepped = step_opening(state, view, decision, outcome); !stepped) return stepped;
  } else {
    if (decision.opened) return std::unexpected(DecisionFault::WrongPhase);
    const FeedContext feed_context{context.height, context.now, context.inbox_has_room, context.drops};
    const FeedStep step = begin_feed(state.feed, view, state.quorum(), feed_context, params);
    auto decided = decide_feed(state.feed, step, decision.feed, feed_context, params);
    if (!decided) return std::unexpected(decided.error());
    outcome.next.feed = std::move(decided->state);
    outcome.emissions = std::move(decided->emissions);
    outcome.settled = std::move(decided->settled);
  }
  const bool more = !outcome.next.feed.decidable_since.empty() || outcome.opened;
  if (!more) outcome.end = lifecycle_end(outcome.next, view, context.now, params);
  return {};
}

uint64_t entry_bytes(const Outcome& outcome, uint64_t part_bytes) {
  uint64_t bytes = 0;
  for (const FeedEmission& emission : outcome.emissions) {
    bytes += (emission.gap.missing > 0 ? 2 : 1) * inbox_bytes(emission.observation, part_bytes);
  }
  for (const transcript::Reading& reading : outcome.readings) bytes += inbox_bytes(reading);
  return bytes;
}

// Once there is room again, the canister learns of what was dropped although nothing follows in the key: else
// a feed with ever new keys would grow the state. What expired is followed by what waited for it.
void mark_dropped(Outcome& outcome, uint64_t inbox_bytes) {
  std::map<KeyHash, GapCount>& gaps = outcome.next.feed.gaps;
  for (auto gap = gaps.begin(); gap != gaps.end() && inbox_bytes >= kEntryOverheadBytes;) {
    if (gap->second.dropped == 0) {
      ++gap;
      continue;
    }
    inbox_bytes -= kEntryOverheadBytes;
    outcome.marks.emplace_back(*gap);
    gap = gaps.erase(gap);
  }
}

}  // namespace

ConnectionState begin_epoch(ConnectionId id, Mode mode, Epoch epoch, std::vector<ReplicaIndex> committee,
                            const Digest& parameters, AgreedTime now, Milliseconds open_timeout,
                            const ModeSettings& settings) {
  ConnectionState out;
  out.id = id;
  out.mode = mode;
  out.epoch = epoch;
  out.down_since.resize(committee.size());
  out.committee = std::move(committee);
  out.opening_since = now;
  out.open_timeout = open_timeout;
  out.ordered.head = chain_genesis(id, epoch, parameters);
  out.observations.settings = settings.observations;
  out.delegated.settings = settings.delegated;
  out.delegated.head = batch_genesis(id, epoch);
  out.delegated.last_heard = now;
  return out;
}

bool at_rest(const ConnectionState& state) {
  const bool down =
      std::ranges::any_of(state.down_since, [](const auto& since) { return since.has_value(); });
  const bool known = state.mode == Mode::Ordered || state.mode == Mode::Feed;
  // Marks of what was dropped wait for room in the inbox.
  const bool marks =
      std::ranges::any_of(state.feed.gaps, [](const auto& gap) { return gap.second.dropped > 0; });
  return known && state.phase == Phase::Open && !down && !marks && !state.ordered.stuck_since &&
         state.feed.settled.empty() && state.feed.decidable_since.empty();
}

Digest opened_digest(BytesView encoded_opened) {
  return ordered_digest(ObservationKind::Opened, encoded_opened);
}

uint64_t carried_bytes(const Decision& decision) {
  uint64_t bytes = decision.opened ? decision.opened->size() + kContentOverheadBytes : 0;
  for (const Observation& observation : decision.ordered.contents) bytes += carried_bytes(observation);
  for (const Observation& observation : decision.feed.contents) bytes += carried_bytes(observation);
  return bytes + decision.ordered.digests.size() * kDigestBytes;
}

Decision propose(const ConnectionState& state, const View& view, const Local& local, const Context& context,
                 uint64_t content_bytes, const AgreementParams& params) {
  Decision out;
  const Quorum quorum = state.quorum();
  if (state.mode == Mode::Delegated) return out;
  if (state.mode == Mode::Ordered) {
    if (local.ordered == nullptr) return out;
    const OrderedBudget budget{content_bytes, context.inbox_bytes, context.part_bytes};
    out.ordered = propose_ordered(state.ordered, view, *local.ordered, quorum, budget, params);
  } else if (state.phase == Phase::Opening) {
    const bool fits =
        local.opened != nullptr && local.opened->size() + kContentOverheadBytes <= content_bytes;
    if (fits && wanted_opened(state, view) == opened_digest(*local.opened)) out.opened = *local.opened;
  } else if (local.feed != nullptr) {
    const FeedContext feed_context{context.height, context.now, context.inbox_has_room, context.drops};
    const FeedStep step = begin_feed(state.feed, view, quorum, feed_context, params);
    out.feed =
        propose_feed(step, *local.feed, FeedBudget{content_bytes, context.inbox_bytes, context.part_bytes});
  }
  return out;
}

std::expected<Outcome, DecisionFault> evaluate(const ConnectionState& state, const View& view,
                                               const Decision& decision, const Context& context,
                                               const AgreementParams& params) {
  Outcome outcome;
  outcome.next = state;
  note_down_members(outcome.next, view, context.now);
  const bool wrong_mode = state.mode == Mode::Ordered
                              ? decision.opened || !decision.feed.contents.empty()
                              : !decision.ordered.empty() || !decision.ordered.digests.empty();
  if (wrong_mode) return std::unexpected(DecisionFault::WrongPhase);
  const auto step = state.mode == Mode::Ordered        ? step_ordered
                    : state.mode == Mode::Observations ? step_observations
                    : state.mode == Mode::Delegated    ? step_delegated
                                                       : step_feed;
  const auto stepped = step(state, view, decision, context, params, outcome);
  if (!stepped) return std::unexpected(stepped.error());
  const uint64_t entries = entry_bytes(outcome, context.part_bytes);
  if (entries > context.inbox_bytes) return std::unexpected(DecisionFault::InboxFull);
  if (!context.drops) mark_dropped(outcome, context.inbox_bytes - entries);
  if (outcome.end) outcome.next.phase = Phase::Ended;
  return outcome;
}

}  // namespace icws::agreement
