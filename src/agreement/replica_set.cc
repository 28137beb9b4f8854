#include "agreement/replica_set.h"

#include <algorithm>
#include <set>

#include "base/signature.h"

namespace icws::agreement {
namespace {

constexpr BytesView kHashDomain = "icws/replica_set/1";
constexpr BytesView kSignDomain = "icws.set_change.v1";

using Kind = SetChangeFault::Kind;

std::unexpected<SetChangeFault> fault(Kind kind, std::string message) {
  return std::unexpected(SetChangeFault{kind, std::move(message)});
}

std::string name_of(ReplicaIndex index) { return "replica " + std::to_string(index.value); }

// Empty: the list is a set's, after `set`.
std::string members_fault(const ReplicaSet& set, const std::vector<ReplicaKey>& members) {
  if (members.empty() || members.size() > kReplicasMax) {
    return "a set has 1 to " + std::to_string(kReplicasMax) + " members, not " +
           std::to_string(members.size());
  }
  std::set<BytesView> keys;
  ReplicaIndex next = set.next_index;
  for (size_t i = 0; i < members.size(); ++i) {
    const ReplicaKey& member = members[i];
    if (i > 0 && members[i - 1].index >= member.index)
      return name_of(member.index) + " is not in order, or there twice";
    if (member.public_key.size() != kPublicKeyBytes)
      return "the key of " + name_of(member.index) + " has not 32 bytes";
    if (!keys.insert(member.public_key).second)
      return "the key of " + name_of(member.index) + " is another member's, too";
    if (set.find(member.index) != nullptr) continue;
    if (member.index != next) {
      return name_of(member.index) + " is new and must have the index " + std::to_string(next.value) +
             ", which was never given";
    }
    next = next.next();
  }
  return {};
}

}  // namespace

Digest ReplicaSet::hash() const {
  return Sha256().update_sized(kHashDomain).update(archive_encode(*this)).finish();
}

const ReplicaKey* ReplicaSet::find(ReplicaIndex index) const {
  const auto it = std::ranges::lower_bound(members, index, {}, &ReplicaKey::index);
  return it != members.end() && it->index == index ? &*it : nullptr;
}

std::vector<ReplicaIndex> ReplicaSet::indices() const {
  std::vector<ReplicaIndex> out;
  for (const ReplicaKey& member : members) out.push_back(member.index);
  return out;
}

ReplicaSet genesis_replicas(const std::vector<Bytes>& keys) {
  ReplicaSet out;
  for (const Bytes& key : keys) {
    out.members.push_back(ReplicaKey{out.next_index, key});
    out.next_index = out.next_index.next();
  }
  return out;
}

Bytes set_change_sign_bytes(std::string_view chain_id, const SetChange& change) {
  Bytes out(kSignDomain);
  for (int shift = 0; shift < 64; shift += 8)
    out.push_back(static_cast<char>(uint64_t{chain_id.size()} >> shift & 0xff));
  out += chain_id;
  return out += archive_encode(change);
}

std::expected<ReplicaSet, SetChangeFault> follow_unsigned(const ReplicaSet& set, const SetChange& change) {
  if (change.version != set.version + 1) {
    return fault(Kind::WrongPrevious, "it is version " + std::to_string(change.version) + ", not " +
                                          std::to_string(set.version + 1));
  }
  if (change.previous != set.hash()) return fault(Kind::WrongPrevious, "it was made for another set");
  if (change.active_from <= set.active_from) {
    return fault(Kind::WrongHeight, "it is active from height " + std::to_string(change.active_from.value) +
                                        ", the set before it from " + std::to_string(set.active_from.value));
  }
  if (std::string what = members_fault(set, change.members); !what.empty())
    return fault(Kind::WrongMembers, std::move(what));
  ReplicaSet out{change.version, change.active_from, set.next_index, change.members};
  out.next_index = std::max(out.next_index, change.members.back().index.next());
  return out;
}

std::expected<ReplicaSet, SetChangeFault> follow(const ReplicaSet& set, const SignedSetChange& change,
                                                 std::string_view chain_id) {
  auto out = follow_unsigned(set, change.change);
  if (!out) return out;
  // What is cheap comes first.
  if (!set.quorum().is_quorum(static_cast<uint32_t>(change.signatures.size()))) {
    return fault(Kind::TooFewSignatures, std::to_string(change.signatures.size()) +
                                             " signatures, a quorum is " + std::to_string(set.quorum().q()));
  }
  const Bytes sign_bytes = set_change_sign_bytes(chain_id, change.change);
  for (size_t i = 0; i < change.signatures.size(); ++i) {
    const SignedSetChange::Signature& one = change.signatures[i];
    const ReplicaKey* member = set.find(one.member);
    if (member == nullptr)
      return fault(Kind::UnknownMember, name_of(one.member) + " is no member that may sign it");
    if (i > 0 && change.signatures[i - 1].member >= one.member)
      return fault(Kind::UnknownMember, name_of(one.member) + " signed twice, or is not in order");
    const auto key = VerifyingKey::from(member->public_key);
    if (!key || !key->verify(sign_bytes, one.signature))
      return fault(Kind::WrongSignature, "the signature of " + name_of(one.member) + " is wrong");
  }
  return out;
}

}  // namespace icws::agreement
