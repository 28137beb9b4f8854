#include "engine/cometbft/validator_set.h"

#include "base/hash.h"

namespace icws::engine {
namespace {

constexpr size_t kAddressBytes = 20;

}  // namespace

Bytes validator_address(BytesView public_key) {
  return Bytes(sha256(public_key).view().substr(0, kAddressBytes));
}

ValidatorSet::ValidatorSet(const std::vector<Bytes>& keys) {
  for (uint32_t i = 0; i < keys.size(); ++i) {
    by_address_.emplace(validator_address(keys[i]), ReplicaIndex(i));
  }
}

std::optional<ReplicaIndex> ValidatorSet::find(BytesView address) const {
  const auto found = by_address_.find(address);
  if (found == by_address_.end()) return std::nullopt;
  return found->second;
}

}  // namespace icws::engine
