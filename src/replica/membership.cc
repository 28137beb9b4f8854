#include "replica/membership.h"

#include "replica/transaction_tag.h"

namespace icws::replica {

const ReplicaSet& Membership::at(Height height) const {
  for (auto set = sets_.rbegin(); set != sets_.rend(); ++set) {
    if (set->active_from <= height) return *set;
  }
  return sets_.front();
}

std::expected<void, std::string> Membership::apply(const SignedSetChange& change, Height height,
                                                   std::string_view chain_id) {
  const uint64_t from = change.change.active_from.value;
  if (newest().active_from > height) {
    return std::unexpected("another change waits for height " + std::to_string(newest().active_from.value));
  }
  if (from < height.value + kSetChangeBlocksMin) {
    return std::unexpected("too late: it would be active from height " + std::to_string(from) +
                           ", and this is height " + std::to_string(height.value) +
                           "; propose it again for a later height");
  }
  if (from > height.value + kSetChangeBlocksMax) {
    return std::unexpected("it would be active from height " + std::to_string(from) + ", more than " +
                           std::to_string(kSetChangeBlocksMax) + " blocks from now");
  }
  auto next = agreement::follow(newest(), change, chain_id);
  if (!next) return std::unexpected(std::move(next.error().message));
  sets_.push_back(std::move(*next));
  return {};
}

void Membership::prune(Height height) {
  while (sets_.size() > 1 && sets_[1].active_from <= height) sets_.erase(sets_.begin());
}

Bytes encode_set_change(const SignedSetChange& change) {
  return tagged(TransactionTag::SetChange, archive_encode(change));
}

std::optional<SignedSetChange> decode_set_change(BytesView transaction) {
  const auto body = body_of(TransactionTag::SetChange, transaction);
  return body ? archive_decode<SignedSetChange>(*body) : std::nullopt;
}

}  // namespace icws::replica
