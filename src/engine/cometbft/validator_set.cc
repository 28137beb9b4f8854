#include "engine/cometbft/validator_set.h"

#include <algorithm>
#include <set>

#include "base/hash.h"

namespace icws::engine {
namespace {

constexpr size_t kAddressBytes = 20;

std::set<Bytes> keys_of(const agreement::ReplicaSet& set) {
  std::set<Bytes> out;
  for (const agreement::ReplicaKey& member : set.members) out.insert(member.public_key);
  return out;
}

}  // namespace

Bytes validator_address(BytesView public_key) {
  return Bytes(sha256(public_key).view().substr(0, kAddressBytes));
}

ValidatorSet::ValidatorSet(const agreement::ReplicaSet& replicas) : active_from_(replicas.active_from) {
  for (const agreement::ReplicaKey& member : replicas.members) {
    by_address_.emplace(validator_address(member.public_key), member.index);
    // Keys of a set have 32 bytes.
    if (auto key = VerifyingKey::from(member.public_key)) keys_.emplace(member.index, std::move(*key));
  }
}

std::optional<ReplicaIndex> ValidatorSet::find(BytesView address) const {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return std::nullopt;
  return found->second;
}

const VerifyingKey* ValidatorSet::key(ReplicaIndex replica) const {
  const auto found = keys_.find(replica);
  return found == keys_.end() ? nullptr : &found->second;
}

ValidatorSets::ValidatorSets(const std::vector<agreement::ReplicaSet>& sets)
    : sets_(sets.begin(), sets.end()) {}

const ValidatorSet& ValidatorSets::at(Height height) const {
  for (auto set = sets_.rbegin(); set != sets_.rend(); ++set) {
    if (set->active_from() <= height) return *set;
  }
  return sets_.front();
}

std::optional<ReplicaIndex> ValidatorSets::name(BytesView address, Height height) const {
  if (const auto then = at(height).find(address)) return then;
  for (const ValidatorSet& set : sets_) {
    if (const auto some_time = set.find(address)) return some_time;
  }
  return std::nullopt;
}

std::vector<ValidatorUpdate> validator_updates(const agreement::ReplicaSet& from,
                                               const agreement::ReplicaSet& to) {
  const std::set<Bytes> before = keys_of(from);
  const std::set<Bytes> after = keys_of(to);
  std::vector<ValidatorUpdate> out;
  for (const Bytes& key : before) {
    if (!after.contains(key)) out.push_back({key, 0});
  }
  for (const Bytes& key : after) {
    if (!before.contains(key)) out.push_back({key, kVotingPower});
  }
  return out;
}

}  // namespace icws::engine
