// Mode delegated: one member at a time owns the connection, and its word is taken. Design section 4,
// "delegated".
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "agreement/observation.h"
#include "agreement/quorum.h"
#include "base/archive.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "transcript/cause.h"
#include "transcript/entry.h"

namespace icws::agreement {

// What the canister asks for.
struct DelegatedSettings {
  // Agreement time without a batch of the owner that ends its term; it says something every quarter of it,
  // and closes its socket when it has seen no commit for half of it.
  Milliseconds timeout{10'000};
  static void fields(auto& archive, auto& self) { archive(self.timeout); }
  bool operator==(const DelegatedSettings&) const = default;
};

// The replicated part. A term is an epoch.
struct DelegatedState {
  DelegatedSettings settings;
  // Sequence that the next batch must have, from 1, and the digest that it must name.
  uint64_t next_batch = 1;
  Digest head;
  // The owner's events up to here have been agreed: where it goes on after a crash.
  EventSequence last_event;
  SendSequence sent_up_to;
  // When the term began, or its newest batch was agreed.
  AgreedTime last_heard;
  // How the terms ended that have followed each other since the last one that opened, that one included.
  std::vector<transcript::Cause> failures;
  // Some term of this life has opened.
  bool was_open = false;
  static void fields(auto& archive, auto& self) {
    archive(self.settings, self.next_batch, self.head, self.last_event, self.sent_up_to, self.last_heard,
            self.failures, self.was_open);
  }
};

// Who owns the connection in a term: each member in turn; different connections begin at different members.
ReplicaIndex delegated_owner(ConnectionId connection, Epoch term, const std::vector<ReplicaIndex>& committee);

// How the owner's socket ended.
struct BatchEnd {
  transcript::Cause cause = transcript::Cause::Connection;
  uint32_t code = 1006;
  Bytes reason;
  static void fields(auto& archive, auto& self) { archive(self.cause, self.code, self.reason); }
  bool operator==(const BatchEnd&) const = default;
};

// What the owner saw since its last batch, in this order. Messages are whole: part 1 of 1. Empty: it is
// there.
struct Batch {
  ConnectionId connection;
  Epoch term;
  uint64_t sequence = 0;
  Digest previous;
  // The owner's adapter's events up to here are in this batch and those before.
  EventSequence last_event;
  SendSequence sent_up_to;
  // Archive encoding of a transcript::Opened.
  std::optional<Bytes> opened;
  std::vector<transcript::Message> messages;
  std::optional<BatchEnd> end;
  static void fields(auto& archive, auto& self) {
    archive(self.connection, self.term, self.sequence, self.previous, self.last_event, self.sent_up_to,
            self.opened, self.messages, self.end);
  }
};

// A batch's frame, and a message's beside its content and key.
inline constexpr size_t kBatchOverheadBytes = 512;
inline constexpr size_t kBatchMessageOverheadBytes = 16;

// What the first batch of a term names as the one before: binds connection and term.
Digest batch_genesis(ConnectionId connection, Epoch term);
// Of a batch's archive encoding.
Digest batch_digest(BytesView encoded);
// What the owner signs: no other signature of the system begins like this.
Bytes batch_sign_bytes(BytesView chain_id, BytesView encoded);

// Why a batch is void.
enum class BatchFault : uint8_t {
  WrongTerm = 1,  // not this connection's current one, or it has ended
  WrongSequence,  // a replay, or a batch before it is missing
  WrongPrevious,  // another history
  WrongContent,   // what is in it cannot be
  InboxFull,      // more than the inbox takes
};

struct DelegatedContext {
  AgreedTime now;
  uint64_t inbox_bytes = 0;
  uint64_t message_bytes_max = 0;
  uint64_t key_bytes_max = 0;
  // The canister's newest message to the server.
  SendSequence last_send;
};

struct BatchOutcome {
  DelegatedState next;
  std::optional<transcript::Opened> opened;
};

// What a batch does to an epoch that is Opening or Open. Its signature was checked, or will be: that is dear,
// and this is cheap.
std::expected<BatchOutcome, BatchFault> take_batch(const DelegatedState& state, bool open, Epoch epoch,
                                                   const Batch& batch, const Digest& digest,
                                                   const DelegatedContext& context);

// What becomes of the connection when a term ends so.
struct TermEnd {
  // Another member takes over; else the epoch ends for good, with `cause`.
  bool hand_over = false;
  transcript::Cause cause = transcript::Cause::Connection;
};
// The server's own close ends the connection. Everything else may be the owner's fault, so the next one
// tries, until f+1 have failed in a row: one of them was honest.
TermEnd end_term(DelegatedState& state, transcript::Cause cause, Quorum quorum);
// The state of the term that follows. Its owner writes what comes after `freed`.
DelegatedState next_term(const DelegatedState& state, ConnectionId connection, Epoch term, SendSequence freed,
                         AgreedTime now);

}  // namespace icws::agreement
