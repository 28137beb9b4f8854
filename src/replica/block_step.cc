#include "replica/block_step.h"

#include <algorithm>

#include "agreement/lifecycle.h"
#include "replica/billing.h"
#include "replica/closing.h"
#include "replica/connection_transform.h"
#include "replica/open_check.h"
#include "transcript/parts.h"

namespace icws::replica {
namespace {

using agreement::DecisionFault;

constexpr Milliseconds kBlockStepMax{1'000};

RejectionKind kind_of(DecisionFault fault) {
  switch (fault) {
    case DecisionFault::Unsupported:
      return RejectionKind::UnsupportedDecision;
    case DecisionFault::WrongOrder:
      return RejectionKind::WrongOrder;
    case DecisionFault::WrongContent:
      return RejectionKind::WrongContent;
    case DecisionFault::TooLarge:
      return RejectionKind::Oversize;
    case DecisionFault::InboxFull:
      return RejectionKind::InboxFull;
    case DecisionFault::WrongPhase:
      return RejectionKind::UnknownConnection;
  }
  return RejectionKind::Malformed;
}

bool active(const Connection& record) {
  return record.phase == RecordPhase::Active && record.agreement.phase != agreement::Phase::Ended;
}

agreement::View view_of(const Connection& record, const ReportWindow& window, Height height) {
  return window.view(record.id, record.agreement.epoch, record.agreement.committee, height);
}

Rejection rejection(RejectionKind kind, ConnectionId connection, std::string what) {
  return Rejection{kind, "connection " + std::to_string(connection.value) + ": " + std::move(what)};
}

// Evidence of divergence: the claims, each with the signed report that carries it.
std::vector<transcript::Claim> evidence_of(const agreement::End& end, const Connection& record,
                                           const ReportWindow& window) {
  std::vector<transcript::Claim> out;
  for (const agreement::Claims::Claim& claim : end.evidence) {
    const ReplicaIndex member = record.agreement.committee[claim.member];
    transcript::Claim carried{member.value, claim.head, {}, {}, 0};
    const StoredReport* report = window.carrying(member, record.id, record.agreement.epoch);
    if (report != nullptr) {
      carried.report = report->report;
      carried.signature = report->signature;
      carried.height = report->height.value;
    }
    out.push_back(std::move(carried));
  }
  return out;
}

// Above it a message is cut; without chunks never, for what was agreed had an honest reporter who kept to the
// limit.
uint64_t part_bytes(const OpenArguments& arguments) {
  return arguments.chunks ? arguments.message_bytes_max : UINT64_MAX;
}

Milliseconds back_off(const Connection& record, const ClusterParams& params) {
  Milliseconds wait = params.reconnect_first;
  for (uint32_t i = 0; i < record.failures_in_a_row && wait < params.reconnect_longest; ++i) wait *= 2;
  return std::min(wait, params.reconnect_longest);
}

void begin_next_epoch(const State& state, Connection& record) {
  record.epoch_first_send = record.freed_send.next();
  record.sends = agreement::SendState{};
  record.code = state.canisters.at(record.canister).code;
  // The first reports on what begins in this block are of the next height.
  const ReplicaSet& members = state.members.at(state.global.height.next());
  record.agreement = agreement::begin_epoch(record.id, record.arguments.mode, record.agreement.epoch.next(),
                                            members.indices(), record.parameters(), state.global.now,
                                            record.arguments.open_timeout, record.arguments.mode_settings());
}

// The next term's owner opens its own socket; what the last one has not got agreed on is its loss.
void hand_over(State& state, ConnectionSlot& slot, Journal& journal, const agreement::End& end,
               const ClusterParams& params) {
  Connection& record = slot.record;
  const agreement::ConnectionState before = record.agreement;
  const ReplicaIndex from = agreement::delegated_owner(record.id, before.epoch, before.committee);
  end_paid_epoch(state, record, params);
  begin_next_epoch(state, record);
  record.agreement.delegated = agreement::next_term(before.delegated, record.id, record.agreement.epoch,
                                                    record.freed_send, state.global.now);
  const ReplicaIndex to =
      agreement::delegated_owner(record.id, record.agreement.epoch, record.agreement.committee);
  journal.append(slot, transcript::Handover{from.value, to.value, end.cause});
  if (!begin_paid_epoch(state, record, params)) {
    close_connection(state, slot, journal, end_for(record, transcript::Cause::OutOfCycles), {}, params);
  }
}

void append_message(ConnectionSlot& slot, Journal& journal, agreement::Observation observation) {
  const auto kind = observation.kind == agreement::ObservationKind::Text ? transcript::ContentKind::Text
                                                                         : transcript::ContentKind::Binary;
  const std::vector<BytesView> parts =
      transcript::cut_parts(kind, observation.content, part_bytes(slot.record.arguments));
  if (parts.size() == 1) {
    return journal.append(
        slot, transcript::Message{kind, std::move(observation.content), std::move(observation.key)});
  }
  for (uint32_t i = 0; i < parts.size(); ++i) {
    Bytes key = i == 0 ? std::move(observation.key) : Bytes();
    journal.append(slot, transcript::Message{kind, Bytes(parts[i]), std::move(key), i + 1,
                                             static_cast<uint32_t>(parts.size())});
  }
}

// Members report it in canonical encoding, as a quorum's digest binds it; were they all liars, it is a trap.
transcript::TransformFailure failure_of(const agreement::Observation& observation) {
  using transcript::TransformFault;
  const auto failure = archive_decode<transcript::TransformFailure>(observation.content);
  const bool known =
      failure && failure->fault >= TransformFault::Trapped && failure->fault <= TransformFault::NotUtf8;
  return known ? *failure : transcript::TransformFailure{};
}

// False: the canister could not pay for all of it, and has got what it paid for.
bool apply_outcome(State& state, ConnectionSlot& slot, Journal& journal, agreement::Outcome& outcome,
                   const ClusterParams& params) {
  Connection& record = slot.record;
  record.agreement = std::move(outcome.next);
  if (outcome.opened) {
    record.failures_in_a_row = 0;
    journal.append(slot, std::move(*outcome.opened));
  }
  for (agreement::FeedEmission& emission : outcome.emissions) {
    if (emission.gap.missing > 0) {
      if (!pay_entry(state, record, 0, params)) return false;
      append_gap(slot, journal, emission.gap_key, emission.gap);
    }
    agreement::Observation& observation = emission.observation;
    if (!pay_entry(state, record, observation.content.size() + observation.key.size(), params)) return false;
    if (observation.kind == agreement::ObservationKind::TransformFailed) {
      ++record.transform_failures;
      ++record.transform_failures_in_a_row;
      journal.append(slot, failure_of(observation));
      continue;
    }
    record.transform_failures_in_a_row = 0;
    append_message(slot, journal, std::move(observation));
  }
  for (const auto& [key, count] : outcome.marks) {
    if (!pay_entry(state, record, 0, params)) return false;
    append_gap(slot, journal, key, count);
  }
  for (transcript::Reading& reading : outcome.readings) {
    const uint64_t bytes = agreement::inbox_bytes(reading) - agreement::kEntryOverheadBytes;
    if (!pay_entry(state, record, bytes, params)) return false;
    journal.append(slot, std::move(reading));
  }
  return true;
}

// Mode delegated: what the owner says.
agreement::WrittenSends written_by_owner(const Connection& record) {
  const agreement::ConnectionState& term = record.agreement;
  const ReplicaIndex owner = agreement::delegated_owner(record.id, term.epoch, term.committee);
  const auto place = std::ranges::lower_bound(term.committee, owner) - term.committee.begin();
  return {term.delegated.sent_up_to, {static_cast<uint32_t>(place)}};
}

// An epoch whose committee cannot do without those who leave: its owner, or more than f members.
bool outlived(const Connection& record, const ReplicaSet& next) {
  const agreement::ConnectionState& epoch = record.agreement;
  const auto left = [&](ReplicaIndex member) { return next.find(member) == nullptr; };
  if (record.arguments.mode == Mode::Delegated)
    return left(agreement::delegated_owner(record.id, epoch.epoch, epoch.committee));
  const auto gone = std::ranges::count_if(epoch.committee, left);
  return epoch.quorum().has_honest(static_cast<uint32_t>(gone));
}

// In the last block whose reports are the old set's.
void end_left_epochs(State& state, Journal& journal, const ReportWindow& window,
                     const ClusterParams& params) {
  const ReplicaSet& next = state.members.at(journal.height().next());
  if (next.version == state.members.at(journal.height()).version) return;
  std::vector<ConnectionId> left;
  for (const auto& [id, slot] : state.connections) {
    if (active(slot.record) && outlived(slot.record, next)) left.push_back(id);
  }
  for (const ConnectionId id : left) {
    ConnectionSlot& slot = state.connections.change(id);
    Connection& record = slot.record;
    const bool was_open = record.agreement.phase == agreement::Phase::Open;
    agreement::End end{transcript::Cause::Membership, 1006, {}, was_open, {}};
    end.hand_over = record.arguments.mode == Mode::Delegated;
    record.agreement.phase = agreement::Phase::Ended;
    end_epoch(state, slot, journal, window, end, params);
    // Not a failure of the server: the next epoch begins with this block, with the new committee.
    if (record.phase != RecordPhase::Waiting) continue;
    record.waiting_until = state.global.now;
    --record.failures_in_a_row;
  }
}

std::vector<Forgotten> forget_closed(State& state, const ClusterParams& params) {
  std::vector<Forgotten> forgotten;
  while (state.closed.size() > params.closed_connections_kept) {
    const ConnectionId id = state.closed.begin()->second;
    const ConnectionSlot& slot = state.connections.at(id);
    // One with undelivered entries stays until they are delivered.
    if (!slot.inbox.empty()) break;
    forgotten.push_back(Forgotten{id, slot.record.last_entry});
    state.connections.erase(id);
    state.closed.erase(state.closed.begin());
  }
  return forgotten;
}

void number_closed(State& state) {
  const std::set<ConnectionId> changed = state.connections.changed();
  for (const ConnectionId id : changed) {
    const Connection& record = state.connections.at(id).record;
    if (record.phase != RecordPhase::Closed || record.closed_number != 0) continue;
    const uint64_t number = ++state.global.closed_connections;
    state.connections.change(id).record.closed_number = number;
    state.closed.emplace(number, id);
  }
}

}  // namespace

void free_sends(ConnectionSlot& slot, Journal& journal, const agreement::View& view, AgreedTime now,
                const ClusterParams& params) {
  Connection& record = slot.record;
  std::deque<QueuedSend>& messages = slot.outbox.messages;
  if (messages.empty()) return;
  if (record.arguments.receipts && record.inbox_bytes + kInboxReserveBytes > params.inbox_bytes_max) return;
  agreement::SendQueue queue{record.freed_send, record.last_send, std::nullopt};
  const auto everyone = std::ranges::find(messages, true, &QueuedSend::everyone);
  if (everyone != messages.end()) queue.everyone = everyone->sequence;
  const bool open = record.phase == RecordPhase::Active && record.agreement.phase == agreement::Phase::Open;
  const agreement::SendContext context{
      record.id, record.agreement.epoch, record.arguments.writers, record.agreement.quorum(), now, open};
  const agreement::WrittenSends written =
      record.arguments.mode == Mode::Delegated
          ? written_by_owner(record)
          : agreement::step_sends(record.sends, view, queue, context, params.agreement);
  if (written.up_to <= record.freed_send) return;
  if (record.arguments.receipts) {
    transcript::Sent receipt{record.freed_send.next(), written.up_to, {}};
    for (const uint32_t place : written.writers) receipt.writers.push_back(record.agreement.committee[place]);
    journal.append(slot, std::move(receipt));
  }
  record.freed_send = written.up_to;
  while (!messages.empty() && messages.front().sequence <= written.up_to) {
    slot.outbox.bytes -= messages.front().content.size() + kSendOverheadBytes;
    messages.pop_front();
  }
}

void end_epoch(State& state, ConnectionSlot& slot, Journal& journal, const ReportWindow& window,
               const agreement::End& end, const ClusterParams& params) {
  if (end.hand_over) return hand_over(state, slot, journal, end, params);
  Connection& record = slot.record;
  std::vector<transcript::Claim> evidence = evidence_of(end, record, window);
  record.close_code = 1000;
  if (!record.arguments.reconnect) {
    return close_connection(state, slot, journal, end, std::move(evidence), params);
  }
  write_pending_gaps(slot, journal);
  journal.append(
      slot, transcript::Closed{end.code, end.reason, end.cause, end.was_open, true, std::move(evidence)});
  end_paid_epoch(state, record, params);
  record.cause = end.cause;
  record.phase = RecordPhase::Waiting;
  record.waiting_until = state.global.now + back_off(record, params);
  ++record.failures_in_a_row;
}

AgreedTime advance_time(const Global& global, BlockTime block_time) {
  const Milliseconds step = global.height.value == 0 ? Milliseconds(0) : block_time - global.block_time;
  return global.now + std::clamp(step, Milliseconds(0), kBlockStepMax);
}

MemberCounts count_members(const Connection& record, const ReportWindow& window, Height height) {
  MemberCounts out;
  for (const agreement::InForce& member : view_of(record, window, height)) {
    if (member.section == nullptr) continue;
    out.live += member.section->status == agreement::MemberStatus::Live;
    out.down += agreement::down(member.section->status);
  }
  return out;
}

agreement::Context context_for(const ConnectionSlot& slot, const ClusterParams& params, Height height,
                               AgreedTime now) {
  const uint64_t used = slot.record.inbox_bytes + kInboxReserveBytes;
  agreement::Context out;
  out.height = height;
  out.now = now;
  out.inbox_bytes = params.inbox_bytes_max > used ? params.inbox_bytes_max - used : 0;
  out.part_bytes = part_bytes(slot.record.arguments);
  // Twice the largest message: a feed's item is budgeted with a gap mark before it.
  const uint64_t largest = largest_message_bytes(slot.record.arguments, params);
  const uint64_t parts = transcript::parts_bound(largest, out.part_bytes);
  const bool room =
      out.inbox_bytes >= 2 * (largest + parts * agreement::kEntryOverheadBytes + kInboxReserveBytes) ||
      slot.inbox.empty();
  // Long before it is full: else a canister that takes one entry a block, and leaves room for just one more,
  // would hold up the sockets for ever and never count as too slow.
  const bool behind = !room || slot.record.inbox_bytes > params.inbox_bytes_max / 4;
  out.drops = behind && slot.record.arguments.overflow == Overflow::DropOldest;
  // Where messages are dropped, sockets are read on, so nobody waits for the canister.
  out.inbox_has_room = room || out.drops;
  return out;
}

std::expected<void, Rejection> check_decisions(const State& state, const ReportWindow& window,
                                               const agreement::Payload& payload, Height height,
                                               AgreedTime now, const ClusterParams& params) {
  uint64_t bytes = 0;
  for (const agreement::CarriedDecision& carried : payload.decisions) {
    const auto slot = state.connections.find(carried.connection);
    if (slot == state.connections.end() || !active(slot->second.record) ||
        slot->second.record.agreement.epoch != carried.epoch) {
      return std::unexpected(rejection(RejectionKind::UnknownConnection, carried.connection,
                                       "a decision for a connection that is not active in this epoch"));
    }
    bytes += agreement::carried_bytes(carried.decision);
    if (bytes > params.block_content_bytes_max) {
      return std::unexpected(
          rejection(RejectionKind::Oversize, carried.connection, "contents over the block's cap"));
    }
    const Connection& record = slot->second.record;
    const auto outcome =
        agreement::evaluate(record.agreement, view_of(record, window, height), carried.decision,
                            context_for(slot->second, params, height, now), params.agreement);
    if (!outcome) {
      return std::unexpected(
          rejection(kind_of(outcome.error()), carried.connection, "the decision is not valid"));
    }
  }
  return {};
}

std::vector<AgreedStep> apply_decisions(State& state, Journal& journal, const ReportWindow& window,
                                        const agreement::Payload& payload, const ClusterParams& params) {
  static const agreement::Decision kNone;
  std::map<ConnectionId, const agreement::CarriedDecision*> decisions;
  // All others are at rest, and what is in force on them is quiet.
  std::set<ConnectionId> ids = window.busy(journal.height());
  ids.insert(state.connections.restless().begin(), state.connections.restless().end());
  for (const agreement::CarriedDecision& carried : payload.decisions) {
    decisions[carried.connection] = &carried;
    ids.insert(carried.connection);
  }
  std::vector<AgreedStep> steps;
  for (const ConnectionId id : ids) {
    const auto found = state.connections.find(id);
    if (found == state.connections.end() || !active(found->second.record)) continue;
    ConnectionSlot& slot = state.connections.change(id);
    Connection& record = slot.record;
    const auto it = decisions.find(id);
    const bool fits = it != decisions.end() && it->second->epoch == record.agreement.epoch;
    const agreement::View view = view_of(record, window, journal.height());
    const agreement::Context context = context_for(slot, params, journal.height(), state.global.now);
    // Before the epoch may end: what was written is known by then. The receipt fits into the inbox's reserve.
    free_sends(slot, journal, view, state.global.now, params);
    auto outcome = agreement::evaluate(record.agreement, view, fits ? it->second->decision : kNone, context,
                                       params.agreement);
    if (!outcome) outcome = agreement::evaluate(record.agreement, view, kNone, context, params.agreement);
    steps.push_back(AgreedStep{id, record.agreement.epoch, outcome->settled});
    if (!apply_outcome(state, slot, journal, *outcome, params)) {
      close_connection(state, slot, journal, end_for(record, transcript::Cause::OutOfCycles), {}, params);
    } else if (record.transform_failures_in_a_row >= params.transform_failures_in_a_row_max) {
      close_connection(state, slot, journal, end_for(record, transcript::Cause::TransformFailed), {}, params);
    } else if (outcome->end) {
      end_epoch(state, slot, journal, window, *outcome->end, params);
    }
  }
  return steps;
}

std::vector<Forgotten> keep_house(State& state, Journal& journal, const ReportWindow& window,
                                  const CodeLibrary& library, const ClusterParams& params) {
  end_left_epochs(state, journal, window, params);
  const std::set<ConnectionId> restless = state.connections.restless();
  for (const ConnectionId id : restless) {
    if (state.connections.at(id).record.phase != RecordPhase::Waiting) continue;
    // Its last reports may say that everything is written, and the next epoch would send it again.
    if (!state.connections.at(id).outbox.messages.empty()) {
      ConnectionSlot& slot = state.connections.change(id);
      free_sends(slot, journal, view_of(slot.record, window, state.global.height), state.global.now, params);
    }
    if (state.global.now < state.connections.at(id).record.waiting_until) continue;
    ConnectionSlot& slot = state.connections.change(id);
    Connection& record = slot.record;
    record.phase = RecordPhase::Active;
    begin_next_epoch(state, record);
    if (!has_transform(record, library)) {
      close_connection(state, slot, journal, end_for(record, transcript::Cause::TransformFailed), {}, params);
    } else if (!begin_paid_epoch(state, record, params)) {
      close_connection(state, slot, journal, end_for(record, transcript::Cause::OutOfCycles), {}, params);
    }
  }
  number_closed(state);
  return forget_closed(state, params);
}

}  // namespace icws::replica
