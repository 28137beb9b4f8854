// The validators of a height: the replica set as CometBFT has it, all of equal power.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "agreement/replica_set.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/signature.h"

namespace icws::engine {

// Each validator's voting power. Any equal number does.
inline constexpr int64_t kVotingPower = 10;

// The first 20 bytes of SHA-256 of a public key.
Bytes validator_address(BytesView public_key);

// What: see above. Thread-safety: const. A value.
class ValidatorSet {
 public:
  explicit ValidatorSet(const agreement::ReplicaSet& replicas);

  // Empty: no validator.
  std::optional<ReplicaIndex> find(BytesView address) const;
  // Null: no validator.
  const VerifyingKey* key(ReplicaIndex replica) const;
  // The first height at which they vote.
  Height active_from() const { return active_from_; }
  size_t size() const { return by_address_.size(); }
  // More than two thirds: n - f of n.
  size_t quorum() const { return 2 * size() / 3 + 1; }

 private:
  Height active_from_;
  std::map<Bytes, ReplicaIndex, std::less<>> by_address_;
  std::map<ReplicaIndex, VerifyingKey> keys_;
};

// What: the sets of the state, by height. Thread-safety: const. A value.
class ValidatorSets {
 public:
  // `sets`: as Membership has them, at least one.
  explicit ValidatorSets(const std::vector<agreement::ReplicaSet>& sets);

  // Who votes at `height`, which is not before the last committed one.
  const ValidatorSet& at(Height height) const;
  // Who an address is, for people: by the set of `height`, else by any that is known. Empty: nobody known.
  std::optional<ReplicaIndex> name(BytesView address, Height height) const;

 private:
  std::vector<ValidatorSet> sets_;
};

struct ValidatorUpdate {
  Bytes public_key;
  // kVotingPower, or 0: removed.
  int64_t power = 0;
  bool operator==(const ValidatorUpdate&) const = default;
};

// What makes the validators of `to` out of those of `from`: keys that go, then keys that come, each
// ascending. CometBFT takes no removal of who is not there, and no key twice. A key that goes from one
// replica to another is no difference: validators are keys.
std::vector<ValidatorUpdate> validator_updates(const agreement::ReplicaSet& from,
                                               const agreement::ReplicaSet& to);

}  // namespace icws::engine
