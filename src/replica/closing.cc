#include "replica/closing.h"

#include <utility>

#include "replica/billing.h"

namespace icws::replica {
namespace {

using transcript::Cause;

// In the Close frame, at most 123 bytes.
const char* reason_for(Cause cause) {
  switch (cause) {
    case Cause::OutOfCycles:
      return "out of cycles";
    case Cause::CanisterStopped:
      return "the canister was stopped";
    case Cause::TransformFailed:
      return "the canister's transform failed too often";
    default:
      return "the canister trapped too often";
  }
}

}  // namespace

void append_gap(ConnectionSlot& slot, Journal& journal, const agreement::KeyHash& key,
                const agreement::GapCount& count) {
  const Bytes hash(reinterpret_cast<const char*>(key.data()), key.size());
  journal.append(slot, transcript::Gap{hash, count.missing, count.dropped});
}

void write_pending_gaps(ConnectionSlot& slot, Journal& journal) {
  for (const auto& [key, count] : std::exchange(slot.record.agreement.feed.gaps, {})) {
    append_gap(slot, journal, key, count);
  }
}

agreement::End end_for(const Connection& record, Cause cause) {
  const bool was_open =
      record.phase == RecordPhase::Active && record.agreement.phase == agreement::Phase::Open;
  return agreement::End{cause, 1000, reason_for(cause), was_open, {}};
}

void close_connection(State& state, ConnectionSlot& slot, Journal& journal, const agreement::End& end,
                      std::vector<transcript::Claim> evidence, const ClusterParams& params) {
  write_pending_gaps(slot, journal);
  journal.append(
      slot, transcript::Closed{end.code, end.reason, end.cause, end.was_open, false, std::move(evidence)});
  end_paid_epoch(state, slot.record, params);
  slot.record.cause = end.cause;
  slot.record.phase = RecordPhase::Closed;
  slot.record.agreement.phase = agreement::Phase::Ended;
  slot.outbox = Outbox{};
}

}  // namespace icws::replica
