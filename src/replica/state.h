// The replicated state: equal on all replicas after each block, hashed into the app hash, persisted by
// commit.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agreement/connection.h"
#include "base/archive.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "replica/canister.h"
#include "replica/pricing.h"
#include "transcript/entry.h"

namespace icws::replica {

enum class RecordPhase : uint8_t { Active = 1, Waiting = 2, Closed = 3 };

struct QueuedSend {
  SendSequence sequence;
  MessageKind kind = MessageKind::Text;
  Bytes content;
  static void fields(auto& archive, auto& self) { archive(self.sequence, self.kind, self.content); }
};

// A queued message's share of the outbox beside its content.
inline constexpr uint64_t kSendOverheadBytes = 32;

// What canisters queued and fewer than a quorum of members has written.
struct Outbox {
  std::deque<QueuedSend> messages;
  uint64_t bytes = 0;
  static void fields(auto& archive, auto& self) { archive(self.messages, self.bytes); }
};

// One connection over all its epochs.
struct Connection {
  ConnectionId id;
  std::string canister;
  OpenArguments arguments;
  RecordPhase phase = RecordPhase::Active;
  // Of the current or last epoch.
  agreement::ConnectionState agreement;
  // Waiting: when the next epoch begins.
  AgreedTime waiting_until;
  // Epochs since the last one that opened: they lengthen the back-off.
  uint32_t failures_in_a_row = 0;
  // The transcript: last entry and head; the inbox is what follows `delivered`.
  EntrySequence last_entry;
  Digest head;
  EntrySequence delivered;
  uint64_t inbox_bytes = 0;
  uint64_t messages = 0;
  uint64_t gap_messages = 0;
  uint64_t agreed_bytes = 0;
  std::optional<transcript::Cause> cause;
  uint16_t close_code = 1000;
  std::string close_reason;
  SendSequence last_send;
  // Everything up to here was written by a quorum.
  SendSequence freed_send;
  // The first send sequence of the current epoch's sockets.
  SendSequence epoch_first_send;
  uint32_t traps_in_a_row = 0;
  // Members of the current epoch's committee whose sections in force say that their sockets are live, and
  // those whose say that they are not (failed, ended, or out): after the last block. Of the rest nothing is
  // known.
  uint32_t members_live = 0;
  uint32_t members_down = 0;
  // While active: up to when its open time is paid.
  std::optional<AgreedTime> paid_until;
  Usage usage;

  static void fields(auto& archive, auto& self) {
    archive(self.id, self.canister, self.arguments, self.phase, self.agreement, self.waiting_until,
            self.failures_in_a_row, self.last_entry, self.head, self.delivered, self.inbox_bytes,
            self.messages, self.gap_messages, self.agreed_bytes, self.cause, self.close_code,
            self.close_reason, self.last_send, self.freed_send, self.epoch_first_send, self.traps_in_a_row,
            self.members_live, self.members_down, self.paid_until, self.usage);
  }
  Digest parameters() const { return sha256(archive_encode(arguments)); }
};

// What the service knows of a canister beside its own state.
struct CanisterRecord {
  Account account;
  static void fields(auto& archive, auto& self) { archive(self.account); }
};

struct RecentTransaction {
  Height height;
  Digest digest;
  static void fields(auto& archive, auto& self) { archive(self.height, self.digest); }
};

struct Global {
  Digest params;
  Height height;
  BlockTime block_time;
  AgreedTime now;
  ConnectionId last_connection;
  // Binds everything that the blocks said, sections in force included.
  Digest payload;
  std::deque<RecentTransaction> transactions;
  // Ended connections, oldest first.
  std::deque<ConnectionId> closed;
  static void fields(auto& archive, auto& self) {
    archive(self.params, self.height, self.block_time, self.now, self.last_connection, self.payload,
            self.transactions, self.closed);
  }
};

// An agreed entry that its canister has not seen yet.
struct InboxEntry {
  transcript::Entry entry;
  uint64_t bytes = 0;
};

// A connection with what goes with it but has keys of its own in storage.
struct ConnectionSlot {
  Connection record;
  Outbox outbox;
  std::deque<InboxEntry> inbox;
};

struct State {
  Global global;
  std::map<ConnectionId, ConnectionSlot> connections;
  // By canister.
  std::map<std::string, CanisterRecord> canisters;
  // Connection::paid_until of all that have one, so that a block looks only at those that are due. Derived.
  std::set<std::pair<AgreedTime, ConnectionId>> time_due;
};

}  // namespace icws::replica
