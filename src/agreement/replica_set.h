// Who the replicas are: the set at each height, and how a set hands over to the next.
// docs/agreement.md, "Other replicas"; docs/certificates.md.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agreement/quorum.h"
#include "base/archive.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"

namespace icws::agreement {

// 40 reports of 32 KiB are what a block can carry; Quorum is made for as many.
inline constexpr size_t kReplicasMax = 40;
inline constexpr size_t kPublicKeyBytes = 32;
inline constexpr size_t kSignatureBytes = 64;

struct ReplicaKey {
  ReplicaIndex index;
  // Ed25519, 32 bytes.
  Bytes public_key;
  static void fields(auto& archive, auto& self) { archive(self.index, self.public_key); }
  bool operator==(const ReplicaKey&) const = default;
};

// The replicas whose reports count at a range of heights; all have equal power. A value.
struct ReplicaSet {
  // Of the genesis set 0, then one more with each change.
  uint64_t version = 0;
  // The first height of which this set makes the reports.
  Height active_from;
  // Given to the next replica that comes in; an index is never given twice.
  ReplicaIndex next_index;
  // 1 to kReplicasMax, ascending by index, no key twice.
  std::vector<ReplicaKey> members;
  static void fields(auto& archive, auto& self) {
    archive(self.version, self.active_from, self.next_index, self.members);
  }
  bool operator==(const ReplicaSet&) const = default;

  // What the next set's signatures bind.
  Digest hash() const;
  // Null: no member.
  const ReplicaKey* find(ReplicaIndex index) const;
  // Was a member once, and is none: for good, for an index is never given twice.
  bool has_left(ReplicaIndex index) const { return index < next_index && find(index) == nullptr; }
  Quorum quorum() const { return Quorum(static_cast<uint32_t>(members.size())); }
  // Ascending.
  std::vector<ReplicaIndex> indices() const;
};

// The leaf of the app hash that says who the replicas are: its key, and its value after block `height`, the
// sets in archive encoding: the set of that height, then those to come, ascending. A change that runs in a
// block is part of that block's state.
inline constexpr BytesView kReplicaSetsKey = "m";

// Indices from 0 on. keys: 1 to kReplicasMax of 32 bytes, none twice.
ReplicaSet genesis_replicas(const std::vector<Bytes>& keys);

// The next set, as the members of the one before it sign it. A replica that stays keeps its index, though its
// key may be another; one that comes in takes the next index that was never given.
struct SetChange {
  // Of the set that is replaced.
  Digest previous;
  uint64_t version = 0;
  // Signed, so that whoever has the chain of changes knows which set spoke at which height.
  Height active_from;
  std::vector<ReplicaKey> members;
  static void fields(auto& archive, auto& self) {
    archive(self.previous, self.version, self.active_from, self.members);
  }
  bool operator==(const SetChange&) const = default;
};

struct SignedSetChange {
  SetChange change;
  struct Signature {
    ReplicaIndex member;
    Bytes signature;
    static void fields(auto& archive, auto& self) { archive(self.member, self.signature); }
    bool operator==(const Signature&) const = default;
  };
  // Of the previous set, ascending by member; a quorum of it.
  std::vector<Signature> signatures;
  static void fields(auto& archive, auto& self) { archive(self.change, self.signatures); }
  bool operator==(const SignedSetChange&) const = default;
};

// What is signed: "icws.set_change.v1", length and chain id, and the change in archive encoding. No report of
// any engine, and no other signature of the system, begins like this.
Bytes set_change_sign_bytes(std::string_view chain_id, const SetChange& change);

// Why a change does not follow a set; the sentence names the member or the number at fault.
struct SetChangeFault {
  enum class Kind : uint8_t {
    WrongPrevious = 1,  // made for another set, or its version is not the next one
    WrongHeight,        // not active after the set that it replaces
    WrongMembers,   // too many or none, not ascending, an index or a key used twice, a key of another size
    UnknownMember,  // signed by somebody who is not in the previous set, or out of order
    WrongSignature,
    TooFewSignatures,  // fewer than a quorum of the previous set
  };
  Kind kind;
  std::string message;
};

// The set after `change`. Everything that it carries must be right: also a surplus signature. Pure.
std::expected<ReplicaSet, SetChangeFault> follow(const ReplicaSet& set, const SignedSetChange& change,
                                                 std::string_view chain_id);
// The same without looking at signatures: what a proposer may offer to the members for signing.
std::expected<ReplicaSet, SetChangeFault> follow_unsigned(const ReplicaSet& set, const SetChange& change);

}  // namespace icws::agreement
