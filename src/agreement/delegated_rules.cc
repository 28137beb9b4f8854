#include "agreement/delegated_rules.h"

#include <algorithm>

#include "agreement/ordered_rules.h"

namespace icws::agreement {
namespace {

using transcript::Cause;

constexpr BytesView kGenesisDomain = "icws/delegated/genesis/1";
constexpr BytesView kBatchDomain = "icws/delegated/batch/1";
constexpr BytesView kSignDomain = "icws/delegated/sign/1";
constexpr size_t kCloseReasonBytesMax = 123;
constexpr uint32_t kCloseCodeMax = 4'999;

// What the batch says can be: in order of a socket's life, within the limits, forward.
bool possible(const DelegatedState& state, bool open, const Batch& batch, const DelegatedContext& context) {
  const bool opens = batch.opened.has_value();
  if (opens && open) return false;
  if (!batch.messages.empty() && !open && !opens) return false;
  if (batch.last_event < state.last_event) return false;
  const bool has_events = opens || !batch.messages.empty();
  if (has_events && batch.last_event == state.last_event) return false;
  if (batch.sent_up_to < state.sent_up_to || batch.sent_up_to > context.last_send) return false;
  if (batch.end) {
    const BatchEnd& end = *batch.end;
    if (!transcript::cause_from(static_cast<uint8_t>(end.cause)) || end.code > kCloseCodeMax ||
        end.reason.size() > kCloseReasonBytesMax) {
      return false;
    }
    // Nobody closes what has not opened.
    if (end.cause == Cause::Server && !open && !opens) return false;
  }
  return std::ranges::all_of(batch.messages, [&](const transcript::Message& message) {
    return (message.kind == transcript::ContentKind::Text ||
            message.kind == transcript::ContentKind::Binary) &&
           message.part == 1 && message.parts == 1 && message.content.size() <= context.message_bytes_max &&
           message.key.size() <= context.key_bytes_max;
  });
}

uint64_t inbox_bytes(const Batch& batch) {
  uint64_t bytes = 0;
  for (const transcript::Message& message : batch.messages) {
    bytes += kEntryOverheadBytes + message.content.size() + message.key.size();
  }
  return bytes;
}

}  // namespace

ReplicaIndex delegated_owner(ConnectionId connection, Epoch term,
                             const std::vector<ReplicaIndex>& committee) {
  return committee[(connection.value + term.value) % committee.size()];
}

Digest batch_genesis(ConnectionId connection, Epoch term) {
  return Sha256().update(kGenesisDomain).update_u64(connection.value).update_u64(term.value).finish();
}

Digest batch_digest(BytesView encoded) { return Sha256().update(kBatchDomain).update(encoded).finish(); }

Bytes batch_sign_bytes(BytesView chain_id, BytesView encoded) {
  Bytes out(kSignDomain);
  for (int shift = 0; shift < 64; shift += 8) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(chain_id.size()) >> shift & 0xff));
  }
  out += chain_id;
  out += encoded;
  return out;
}

std::expected<BatchOutcome, BatchFault> take_batch(const DelegatedState& state, bool open, Epoch epoch,
                                                   const Batch& batch, const Digest& digest,
                                                   const DelegatedContext& context) {
  if (batch.term != epoch) return std::unexpected(BatchFault::WrongTerm);
  if (batch.sequence != state.next_batch) return std::unexpected(BatchFault::WrongSequence);
  if (batch.previous != state.head) return std::unexpected(BatchFault::WrongPrevious);
  if (!possible(state, open, batch, context)) return std::unexpected(BatchFault::WrongContent);
  if (inbox_bytes(batch) > context.inbox_bytes) return std::unexpected(BatchFault::InboxFull);
  BatchOutcome out{state, {}};
  if (batch.opened) {
    out.opened = archive_decode<transcript::Opened>(*batch.opened);
    if (!out.opened) return std::unexpected(BatchFault::WrongContent);
    out.next.failures.clear();
    out.next.was_open = true;
  }
  ++out.next.next_batch;
  out.next.head = digest;
  out.next.last_event = batch.last_event;
  out.next.sent_up_to = batch.sent_up_to;
  out.next.last_heard = context.now;
  return out;
}

TermEnd end_term(DelegatedState& state, Cause cause, Quorum quorum) {
  if (cause == Cause::Server) return TermEnd{false, cause};
  state.failures.push_back(cause);
  if (!quorum.has_honest(static_cast<uint32_t>(state.failures.size()))) return TermEnd{true, cause};
  // Of several causes at most f are lies, but which?
  const bool same = std::ranges::all_of(state.failures, [&](Cause other) { return other == cause; });
  return TermEnd{false, same ? cause : Cause::Connection};
}

DelegatedState next_term(const DelegatedState& state, ConnectionId connection, Epoch term, SendSequence freed,
                         AgreedTime now) {
  DelegatedState out;
  out.settings = state.settings;
  out.head = batch_genesis(connection, term);
  out.sent_up_to = freed;
  out.last_heard = now;
  out.failures = state.failures;
  out.was_open = state.was_open;
  return out;
}

}  // namespace icws::agreement
