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
#include "agreement/send_rules.h"
#include "base/archive.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "replica/canister.h"
#include "replica/membership.h"
#include "replica/pricing.h"
#include "transcript/entry.h"
#include "transcript/head.h"

namespace icws::replica {

enum class RecordPhase : uint8_t { Active = 1, Waiting = 2, Closed = 3 };

struct QueuedSend {
  SendSequence sequence;
  MessageKind kind = MessageKind::Text;
  Bytes content;
  // Every member writes it, whatever the connection's writers: a script that is sent again.
  bool everyone = false;
  static void fields(auto& archive, auto& self) {
    archive(self.sequence, self.kind, self.content, self.everyone);
  }
};

// A queued message's share of the outbox beside its content.
inline constexpr uint64_t kSendOverheadBytes = 32;

// What canisters queued and not enough members have written. Each message has a key of its own in
// storage: sequences have no holes, messages come at the back, go at the front, and never change in between.
struct Outbox {
  std::deque<QueuedSend> messages;
  uint64_t bytes = 0;
};

// One connection over all its epochs.
struct Connection {
  ConnectionId id;
  std::string canister;
  // The canister's code when the current epoch began: its transform is pinned, for replicas receive one
  // message at different heights. Callbacks go to the code of now.
  std::string code;
  // Never changes, and is stored under a key of its own.
  OpenArguments arguments;
  RecordPhase phase = RecordPhase::Active;
  // Of the current or last epoch.
  agreement::ConnectionState agreement;
  // Waiting: when the next epoch begins.
  AgreedTime waiting_until;
  // Epochs since the last one that opened: they lengthen the back-off.
  uint32_t failures_in_a_row = 0;
  // The transcript: last entry and head (stored as a transcript::TranscriptHead); the inbox is what follows
  // `delivered`.
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
  // Everything up to here is written: by a quorum, or by the writers that the canister asked for.
  SendSequence freed_send;
  // Of the current or last epoch.
  agreement::SendState sends;
  // The first send sequence of the current epoch's sockets.
  SendSequence epoch_first_send;
  uint32_t traps_in_a_row = 0;
  uint64_t transform_failures = 0;
  uint32_t transform_failures_in_a_row = 0;
  // While active: up to when its open time is paid.
  std::optional<AgreedTime> paid_until;
  Usage usage;
  // In order of their ends; 0: has not ended, or in this block only.
  uint64_t closed_number = 0;

  static void fields(auto& archive, auto& self) {
    archive(self.id, self.canister, self.code, self.phase, self.agreement, self.waiting_until,
            self.failures_in_a_row, self.delivered, self.inbox_bytes, self.messages, self.gap_messages,
            self.agreed_bytes, self.cause, self.close_code, self.close_reason, self.last_send,
            self.freed_send, self.sends, self.epoch_first_send, self.traps_in_a_row, self.transform_failures,
            self.transform_failures_in_a_row, self.paid_until, self.usage, self.closed_number);
  }
  transcript::TranscriptHead transcript_head() const { return {id, last_entry, head}; }
  Digest parameters() const { return sha256(archive_encode(arguments)); }
};

enum class CanisterPhase : uint8_t {
  Running = 1,
  // Takes no calls and opens nothing; gets what was agreed before, and its connections' ends.
  Stopping,
  // Nothing is left to be told to it.
  Stopped,
};

// What the service knows of a canister beside its own state.
struct CanisterRecord {
  // What it runs.
  std::string code;
  CanisterPhase phase = CanisterPhase::Running;
  Account account;
  static void fields(auto& archive, auto& self) { archive(self.code, self.phase, self.account); }
};

// What: the transactions of the last blocks, so that each runs once. Thread-safety: none. A value.
class RecentTransactions {
 public:
  // False: it is there already. `height` never descends.
  bool add(Height height, const Digest& transaction);
  // Of the newest height that has any.
  struct Block {
    Height height;
    std::vector<Digest> transactions;
  };
  const Block* newest() const { return blocks_.empty() ? nullptr : &blocks_.back(); }
  // Forgets those of heights before `oldest`, and returns these heights.
  std::vector<Height> forget_before(Height oldest);

 private:
  std::deque<Block> blocks_;
  std::set<Digest> known_;
};

struct Global {
  Digest params;
  Height height;
  BlockTime block_time;
  AgreedTime now;
  ConnectionId last_connection;
  // Binds everything that the blocks said, sections in force included.
  Digest payload;
  // How many connections have ended.
  uint64_t closed_connections = 0;
  static void fields(auto& archive, auto& self) {
    archive(self.params, self.height, self.block_time, self.now, self.last_connection, self.payload,
            self.closed_connections);
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

// What: all connections by id, read-only but for change(), so that a block costs what it touches and not what
// there is. Thread-safety: none. A value. References stay valid until their connection is erased; what
// change() returned is written to before the next restless(), undelivered() or take_changed().
class ConnectionTable {
 public:
  using Map = std::map<ConnectionId, ConnectionSlot>;

  Map::const_iterator begin() const { return slots_.begin(); }
  Map::const_iterator end() const { return slots_.end(); }
  Map::const_iterator find(ConnectionId id) const { return slots_.find(id); }
  bool contains(ConnectionId id) const { return slots_.contains(id); }
  const ConnectionSlot& at(ConnectionId id) const { return slots_.at(id); }
  size_t size() const { return slots_.size(); }

  // To write to. Precondition: it is there.
  ConnectionSlot& change(ConnectionId id) {
    note(id);
    return slots_.at(id);
  }
  // Precondition: there is none with its id.
  ConnectionSlot& add(ConnectionSlot slot);
  void erase(ConnectionId id);

  // Touched or added since the last take_changed(), ascending; not those that were erased.
  const std::set<ConnectionId>& changed() const { return changed_; }
  std::set<ConnectionId> take_changed() { return std::exchange(changed_, {}); }

  // Those that a block may change without a decision or a report that says something: they open, wait to open
  // again, have something in the outbox, or their agreement is not at rest.
  const std::set<ConnectionId>& restless() { return index(), restless_; }
  // Those with entries that their canister has not seen.
  const std::set<ConnectionId>& undelivered() { return index(), undelivered_; }

 private:
  void note(ConnectionId id) {
    changed_.insert(id);
    unindexed_.insert(id);
  }
  void index();

  Map slots_;
  std::set<ConnectionId> changed_;
  std::set<ConnectionId> unindexed_;
  std::set<ConnectionId> restless_;
  std::set<ConnectionId> undelivered_;
};

struct State {
  Global global;
  ConnectionTable connections;
  // By canister.
  std::map<std::string, CanisterRecord> canisters;
  // Connection::paid_until of all that have one, so that a block looks only at those that are due. Derived.
  std::set<std::pair<AgreedTime, ConnectionId>> time_due;
  RecentTransactions transactions;
  Membership members;
  // Ended connections by the order of their ends.
  std::map<uint64_t, ConnectionId> closed;
};

}  // namespace icws::replica
