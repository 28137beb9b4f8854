// The agreed transcript of one connection: what every replica tells the canister, in this order, once.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/archive.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "transcript/cause.h"

namespace icws::transcript {

enum class ContentKind : uint8_t { Text = 1, Binary = 2 };

struct ResponseHeader {
  std::string name;
  std::string value;
  static void fields(auto& archive, auto& self) { archive(self.name, self.value); }
  bool operator==(const ResponseHeader&) const = default;
};

// Mode delegated: whose word is taken.
struct Owner {
  // Index in the replica set.
  uint32_t member = 0;
  // Ed25519, 32 bytes. Empty in every other mode.
  Bytes public_key;
  static void fields(auto& archive, auto& self) { archive(self.member, self.public_key); }
  bool operator==(const Owner&) const = default;
};

// The sockets are open. What the server negotiated, as far as the replicas agree on it.
struct Opened {
  std::string subprotocol;
  std::vector<ResponseHeader> headers;
  Owner owner = {};
  static void fields(auto& archive, auto& self) { archive(self.subprotocol, self.headers, self.owner); }
  bool operator==(const Opened&) const = default;
};

struct Message {
  ContentKind kind = ContentKind::Text;
  Bytes content;
  // The order key's canonical text. Empty in mode ordered.
  Bytes key;
  // Of a message over the connection's limit these follow each other, 1 to `parts` (transcript/parts.h); only
  // the first one has the key.
  uint32_t part = 1;
  uint32_t parts = 1;
  static void fields(auto& archive, auto& self) {
    archive(self.kind, self.content, self.key, self.part, self.parts);
  }
  bool operator==(const Message&) const = default;
};

// `count` messages of this key are missing here: fewer than a quorum saw them, or the canister was too slow.
struct Gap {
  // 16 bytes.
  Bytes key_hash;
  uint64_t count = 0;
  // So many of them a quorum saw: they were dropped because the inbox was full.
  uint64_t dropped = 0;
  static void fields(auto& archive, auto& self) { archive(self.key_hash, self.count, self.dropped); }
  bool operator==(const Gap&) const = default;
};

// What one replica saw last of a key.
struct MemberValue {
  // Index in the replica set.
  uint32_t member = 0;
  Bytes value;
  // How long ago it came to that replica, when it was read.
  std::chrono::milliseconds age{0};
  static void fields(auto& archive, auto& self) { archive(self.member, self.value, self.age); }
  bool operator==(const MemberValue&) const = default;
};

// Mode observations: one key at the end of one interval.
struct Reading {
  // The order key's canonical text.
  Bytes key;
  // Members with a value that is young enough, and all of the committee.
  uint32_t responses = 0;
  uint32_t members = 0;
  // Intervals before this one that were left out because the inbox was full.
  uint64_t skipped = 0;
  // The lower median, a Decimal's canonical text; empty where the canister asked for all values.
  Bytes median;
  // All values, ascending by member; none where the canister asked for the median.
  std::vector<MemberValue> values;
  static void fields(auto& archive, auto& self) {
    archive(self.key, self.responses, self.members, self.skipped, self.median, self.values);
  }
  bool operator==(const Reading&) const = default;
};

// What the canister sent from `first` to `last` is written, as these members report: a quorum of them, or
// with writers `some` and `single` as many as write for all.
struct Sent {
  SendSequence first;
  SendSequence last;
  // Indexes in the replica set, ascending.
  std::vector<ReplicaIndex> writers;
  static void fields(auto& archive, auto& self) { archive(self.first, self.last, self.writers); }
  bool operator==(const Sent&) const = default;
};

// Why a canister's own transform gave nothing for a message; as transform::Fault.
enum class TransformFault : uint8_t {
  Trapped = 1,
  OverBudget = 2,
  ContentTooLarge = 3,
  KeyTooLarge = 4,
  NotUtf8 = 5
};

// A message stood here for which the canister's own transform failed. What it was is not agreed: parts of it
// that the transform would have removed may differ between replicas.
struct TransformFailure {
  TransformFault fault = TransformFault::Trapped;
  static void fields(auto& archive, auto& self) { archive(self.fault); }
  bool operator==(const TransformFailure&) const = default;
};

// Mode delegated: another replica takes over, in the epoch of this entry. What the one before received and
// did not get agreed is lost or comes again; what it wrote may be written again.
struct Handover {
  // Indices in the replica set.
  uint32_t from = 0;
  uint32_t to = 0;
  // Why the one before lost it.
  Cause cause = Cause::Timeout;
  static void fields(auto& archive, auto& self) { archive(self.from, self.to, self.cause); }
  bool operator==(const Handover&) const = default;
};

// What a replica claimed when an ordered epoch ended in divergence: its index, and the head it reported at
// the position after the last agreed one (empty: it had left the chain).
struct Claim {
  uint32_t member = 0;
  std::optional<Digest> head;
  // The signed report that carries the claim, as the engine delivered it.
  Bytes report;
  Bytes signature;
  uint64_t height = 0;
  static void fields(auto& archive, auto& self) {
    archive(self.member, self.head, self.report, self.signature, self.height);
  }
  bool operator==(const Claim&) const = default;
};

// The epoch's end, or a failed open.
struct Closed {
  uint16_t code = 1006;
  std::string reason;
  Cause cause = Cause::Connection;
  bool was_open = true;
  bool reconnecting = false;
  std::vector<Claim> evidence;
  static void fields(auto& archive, auto& self) {
    archive(self.code, self.reason, self.cause, self.was_open, self.reconnecting, self.evidence);
  }
  bool operator==(const Closed&) const = default;
};

struct Entry {
  EntrySequence sequence;
  Epoch epoch;
  // Of the block that agreed it.
  Height height;
  BlockTime time;
  std::variant<Opened, Message, Gap, Closed, Reading, Sent, TransformFailure, Handover> what;
  bool operator==(const Entry&) const = default;
};

// Canonical bytes of an entry; see docs/formats.md for the grammar.
Bytes encode(const Entry& entry);
// Empty if `bytes` is not exactly what encode() gives for some entry.
std::optional<Entry> decode(BytesView bytes);

// Head of an empty transcript: binds the connection.
Digest transcript_genesis(ConnectionId connection);
// SHA-256(domain, length, encoded entry).
Digest entry_digest(BytesView encoded_entry);
// Head after one more entry: SHA-256(domain, head, the entry's digest). So whoever has digests alone can
// follow the chain.
Digest transcript_next(const Digest& head, const Digest& entry_digest);

}  // namespace icws::transcript
