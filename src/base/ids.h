// Distinct integer types for everything that is counted, so that no two can be mixed up.
// All are values; all compare and hash; none does arithmetic with another.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace icws {

template <class Tag, class Integer>
struct StrongInteger {
  using Value = Integer;
  Integer value{};

  constexpr StrongInteger() = default;
  constexpr explicit StrongInteger(Integer v) : value(v) {}
  constexpr auto operator<=>(const StrongInteger&) const = default;
  constexpr StrongInteger next(Integer by = 1) const {
    return StrongInteger(static_cast<Integer>(value + by));
  }
};

// Index of a replica in the replica set: 0 .. n-1, n <= 40.
using ReplicaIndex = StrongInteger<struct ReplicaIndexTag, uint32_t>;
// A counter in the replicated state; never reused. The first connection is 1.
using ConnectionId = StrongInteger<struct ConnectionIdTag, uint64_t>;
// One agreed life of a connection's sockets; the first is 1, a reconnect begins the next.
using Epoch = StrongInteger<struct EpochTag, uint32_t>;
// A replica's own count of sockets within one epoch; the first is 1. Local, never agreed.
using Attempt = StrongInteger<struct AttemptTag, uint32_t>;
// A place in the observation chain of an ordered connection's epoch; `Opened` is 1, 0 is before it.
using Position = StrongInteger<struct PositionTag, uint64_t>;
// A place in a connection's transcript, over all epochs; the first entry is 1.
using EntrySequence = StrongInteger<struct EntrySequenceTag, uint64_t>;
// A place in what a canister sends on a connection; the first is 1.
using SendSequence = StrongInteger<struct SendSequenceTag, uint64_t>;
// A place in the events of one socket of one adapter; the first is 1.
using EventSequence = StrongInteger<struct EventSequenceTag, uint64_t>;
// Block height; the first block is 1, genesis is 0.
using Height = StrongInteger<struct HeightTag, uint64_t>;

}  // namespace icws

template <class Tag, class Integer>
struct std::hash<icws::StrongInteger<Tag, Integer>> {
  size_t operator()(icws::StrongInteger<Tag, Integer> id) const noexcept {
    return std::hash<Integer>()(id.value);
  }
};
