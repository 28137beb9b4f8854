// The validators of a height, all of equal power: replica indices by address.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace icws::engine {

// Each validator's voting power. Any equal number does.
inline constexpr int64_t kVotingPower = 10;

// The first 20 bytes of SHA-256 of a public key.
Bytes validator_address(BytesView public_key);

// What: see above. Thread-safety: const. A value.
class ValidatorSet {
 public:
  // Ed25519 public keys by replica index.
  explicit ValidatorSet(const std::vector<Bytes>& keys);

  // Empty: no validator.
  std::optional<ReplicaIndex> find(BytesView address) const;
  size_t size() const { return by_address_.size(); }
  // More than two thirds: n - f of n.
  size_t quorum() const { return 2 * size() / 3 + 1; }

 private:
  std::map<Bytes, ReplicaIndex, std::less<>> by_address_;
};

}  // namespace icws::engine
