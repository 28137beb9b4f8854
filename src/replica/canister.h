// What a canister sees of this service, and what the service needs of a canister.
// The mirror of proto/icws.did; a native canister implements it directly, a host of Wasm canisters would
// implement it once for all of them.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "agreement/connection.h"
#include "agreement/send_rules.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "replica/adapter_port.h"
#include "replica/code_library.h"
#include "replica/pricing.h"
#include "transcript/cause.h"
#include "transcript/entry.h"

namespace icws::replica {

using agreement::DelegatedSettings;
using agreement::Deliver;
using agreement::Mode;
using agreement::ObservationsSettings;
using agreement::Writers;

// Bytes of TransformRequest::context: a list of symbols, not a table.
inline constexpr size_t kTransformContextBytesMax = 1'024;

// How messages are made equal before they are agreed on; see transform/transform.h for the meaning of each.
struct TransformRequest {
  bool json = false;
  bool drop_if_not_json = false;
  std::vector<std::string> drop_pointers;
  std::vector<std::string> keep_pointers;
  std::vector<std::string> key_pointers;
  std::optional<std::string> value_pointer;
  // Instead of all above: the canister's own transform of this name, and what it is given beside each
  // message, at most kTransformContextBytesMax. It gives content and order key; see
  // transform/canister_transform.h. An epoch keeps the code with which it began.
  std::string method;
  Bytes context;
  // Messages get smaller, or may: only what comes out of the transform is measured.
  bool changes() const { return json || !method.empty(); }
  static void fields(auto& archive, auto& self) {
    archive(self.json, self.drop_if_not_json, self.drop_pointers, self.keep_pointers, self.key_pointers,
            self.value_pointer, self.method, self.context);
  }
};

struct OutgoingMessage {
  MessageKind kind = MessageKind::Text;
  Bytes content;
  static void fields(auto& archive, auto& self) { archive(self.kind, self.content); }
};

// What happens to a feed's messages while the inbox is full because the canister is too slow.
enum class Overflow : uint8_t {
  Wait = 1,       // they wait in the sockets, which slows the server down
  DropOldest = 2  // they are dropped by agreement, and counted in gap marks
};

struct OpenArguments {
  std::string url;
  std::vector<Header> headers;
  std::vector<std::string> subprotocols;
  // Response headers that `opened` shall carry, lower case.
  std::vector<std::string> response_headers;
  Mode mode = Mode::Ordered;
  TransformRequest transform;
  // Sent first on every new socket, before anything else: a feed's subscriptions.
  std::vector<OutgoingMessage> script;
  // Bytes after the transform, 1 to 2,000,000.
  uint64_t message_bytes_max = 1'000'000;
  // After a loss: open again, as a new epoch, after an agreed back-off.
  bool reconnect = false;
  // From 1 s to 300 s.
  Milliseconds open_timeout{30'000};
  // Messages may be compressed between adapters and server, where node operators allow it and the server
  // takes it. It changes no message. Not for messages that hold a secret beside what others choose: their
  // length tells.
  bool compression = false;
  // In mode observations, and only there.
  std::optional<ObservationsSettings> observations;
  // In mode delegated, and only there.
  std::optional<DelegatedSettings> delegated;
  // Who writes what the canister sends. `Some` and `Single` not in mode ordered, where every member must get
  // the answers, nor in mode delegated, where the owner writes.
  Writers writers = Writers::All;
  // Says in `ws_data` what is written, and by whom.
  bool receipts = false;
  // A message over message_bytes_max comes in parts, instead of ending the connection; up to the subnet's own
  // limit. Then message_bytes_max is at least transcript::kPartBytesMin. Not in mode delegated.
  bool chunks = false;
  // Mode feed only: a hole in an ordered stream would lose an answer that the canister waits for, and digests
  // alone do not tell a message from the server's close.
  Overflow overflow = Overflow::Wait;
  static void fields(auto& archive, auto& self) {
    archive(self.url, self.headers, self.subprotocols, self.response_headers, self.mode, self.transform,
            self.script, self.message_bytes_max, self.reconnect, self.open_timeout, self.compression,
            self.observations, self.delegated, self.writers, self.receipts, self.chunks, self.overflow);
  }
  agreement::ModeSettings mode_settings() const {
    return {observations.value_or(ObservationsSettings{}), delegated.value_or(DelegatedSettings{})};
  }
};

enum class RejectCode : uint8_t {
  InvalidArgument = 1,  // what and where is in the message
  QuotaExceeded,        // connections of the canister or of the subnet
  NotFound,             // no such connection of this canister
  NotOpen,              // it has ended
  QueueFull,            // the outbox is full: try again after the next callback
  InsufficientCycles,   // the canister's account cannot pay for it
  CanisterStopped,      // the canister is being stopped
};

struct Reject {
  RejectCode code;
  std::string message;
};

// --- Callbacks ---------------------------------------------------------------------------------------------

struct OpenedCall {
  ConnectionId connection;
  Epoch epoch;
  EntrySequence sequence;
  std::string subprotocol;
  std::vector<Header> headers;
  // Mode delegated: whom the canister trusts until the next handover; no key in every other mode.
  transcript::Owner owner = {};
};

struct DataEntry {
  enum class Kind : uint8_t {
    Text = 1,
    Binary = 2,
    Gap = 3,
    Reading = 4,
    Receipt = 5,
    TransformFailed = 6,
    Handover = 7
  };
  EntrySequence sequence;
  Kind kind = Kind::Text;
  Bytes content;
  // The order key's canonical text (modes feed and observations; empty otherwise). Of a gap, whose messages
  // no quorum has seen, only the key's hash is agreed: the 16 bytes of agreement::key_hash(text), which a
  // canister can compare with the hashes of the keys that it knows.
  Bytes key;
  // A message over message_bytes_max: its parts follow each other as entries, 1 to `parts`; the first has the
  // key.
  uint32_t part = 1;
  uint32_t parts = 1;
  // How many messages are missing, and how many of these were dropped because the inbox was full. Only in a
  // gap.
  uint64_t gap_count = 0;
  uint64_t gap_dropped = 0;
  // Members that have a value young enough, of how many. Only in a reading (mode observations), as all up to
  // `values`; its key is in `key`, the median, if asked for, in `content`.
  uint32_t responses = 0;
  uint32_t members = 0;
  // Intervals that were left out before, because the inbox was full.
  uint64_t skipped = 0;
  // All values, ascending by member, if asked for.
  std::vector<transcript::MemberValue> values;
  // What is written, by which members; see transcript::Sent. Only in a receipt. A server may answer before it
  // comes.
  SendSequence first_sent;
  SendSequence last_sent;
  std::vector<ReplicaIndex> writers;
  // Why the canister's own transform gave nothing for the message that stood here. Only in TransformFailed.
  transcript::TransformFault fault = transcript::TransformFault::Trapped;
  // --- only in a handover (mode delegated): who takes over from whom, and why ---
  transcript::Handover handover = {};
};

struct DataCall {
  ConnectionId connection;
  BlockTime time;
  std::vector<DataEntry> entries;
};

struct ClosedCall {
  ConnectionId connection;
  EntrySequence sequence;
  // RFC 6455 section 7.4; 1006 where no Close frame was agreed.
  uint16_t code = 1006;
  std::string reason;
  transcript::Cause cause = transcript::Cause::Connection;
  // A sentence for a person.
  std::string message;
  // False: the open failed.
  bool was_open = true;
  // The service opens again by itself: `ws_opened` of the next epoch follows.
  bool reconnecting = false;
};

struct StatusReply {
  // "opening", "open", "waiting" (to reconnect), "closed".
  std::string state;
  Epoch epoch;
  EntrySequence last_sequence;
  uint64_t outbox_bytes = 0;
  // Messages up to `queued` were given to ws_data, up to `written` enough members have reported to have
  // written them.
  SendSequence queued;
  SendSequence written;
  // Of the current epoch, by what members said in the last blocks: sockets that are live, and those that are
  // not (failed, ended, or not in the agreed sequence). Of the others nothing is known.
  uint32_t replicas_live = 0;
  uint32_t replicas_out = 0;
  // A quorum: nothing is agreed while fewer are live.
  uint32_t replicas_needed = 0;
  // In the transcript, over all epochs: messages, messages that gap marks count, bytes of contents.
  uint64_t messages = 0;
  uint64_t gap_messages = 0;
  uint64_t bytes = 0;
  // Messages on which the canister's own transform failed.
  uint64_t transform_failures = 0;
  // What it has cost so far.
  Usage usage;
};

struct AccountReply {
  Cycles balance = 0;
  // Of all connections, the forgotten ones included.
  Usage usage;
};

// What a canister may do while it runs. Valid during one callback only.
class CanisterContext {
 public:
  virtual ~CanisterContext() = default;
  virtual BlockTime time() const = 0;
  // The id at once; `ws_opened` or `ws_closed` (was_open = false) tells how it went.
  virtual std::expected<ConnectionId, Reject> ws_open(const OpenArguments& arguments) = 0;
  virtual std::expected<SendSequence, Reject> ws_data(ConnectionId connection, MessageKind kind,
                                                      Bytes content) = 0;
  // Queues the script once more, for every member whatever the writers: a feed's subscriptions, which make
  // the server send a snapshot after a gap. All of it or nothing; the sequence of its last message.
  virtual std::expected<SendSequence, Reject> ws_resubscribe(ConnectionId connection) = 0;
  // code: 1000 or 3000-4999; reason: at most 123 bytes of UTF-8.
  virtual std::expected<void, Reject> ws_close(ConnectionId connection, uint16_t code,
                                               std::string reason) = 0;
  virtual std::expected<StatusReply, Reject> ws_status(ConnectionId connection) const = 0;
  // This canister's account, as it will be if this callback ends well.
  virtual AccountReply ws_account() const = 0;
};

// What: a deterministic program with state. Any exception out of a callback is a trap: its effects are
// undone. No clock, randomness, floating point or global may influence it.
class Canister {
 public:
  virtual ~Canister() = default;
  // A user's call; the return value is the reply. Throws to reject.
  virtual Bytes call(CanisterContext& context, std::string_view method, BytesView arguments) = 0;
  virtual void ws_opened(CanisterContext& context, const OpenedCall& call) = 0;
  virtual void ws_data(CanisterContext& context, const DataCall& call) = 0;
  virtual void ws_closed(CanisterContext& context, const ClosedCall& call) = 0;
  // Reads only. Throws to reject.
  virtual Bytes query(std::string_view method, BytesView arguments) const = 0;
  // The whole state in canonical bytes, and back.
  virtual Bytes save() const = 0;
  virtual void load(BytesView state) = 0;
};

// The canisters of a subnet at genesis, and the code that they can be upgraded to. Later the state says which
// canisters there are, and what code each runs.
struct CanisterSet {
  struct Installed {
    std::string id;  // 1 to kCanisterIdBytesMax bytes
    std::unique_ptr<Canister> canister;
    // The code that `canister` is of. Empty: that of its own id.
    std::string code = {};
  };
  std::vector<Installed> canisters;
  // Every program that a canister runs or is to run later, where it has transforms or is to be upgraded.
  std::vector<CanisterCode> code = {};
};

// A user's call, as a transaction: canonical encoding of (nonce, canister, method, arguments).
struct UserCall {
  // Chosen by the user, 16 random bytes: the same call twice is two transactions.
  Bytes nonce;
  std::string canister;
  std::string method;
  Bytes arguments;
  static void fields(auto& archive, auto& self) {
    archive(self.nonce, self.canister, self.method, self.arguments);
  }
};
Bytes encode_user_call(const UserCall& call);
std::optional<UserCall> decode_user_call(BytesView transaction);

}  // namespace icws::replica
