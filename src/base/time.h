// Time in the pure core is always an argument. Two clocks exist and must not be mixed:
// AgreedTime advances with blocks and is equal on all replicas; LocalTime is one process's steady clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace icws {

using Milliseconds = std::chrono::milliseconds;

// Milliseconds of agreement time: the sum of min(block time difference, 1 s) since genesis.
using AgreedTime = std::chrono::time_point<struct AgreedClock, Milliseconds>;
// Milliseconds of a steady local clock with an arbitrary start. Never leaves the replica.
using LocalTime = std::chrono::time_point<struct LocalClock, Milliseconds>;
// A block's own time: milliseconds since the Unix epoch, as the engine agreed it. What canisters see.
using BlockTime = std::chrono::time_point<struct BlockClock, Milliseconds>;

}  // namespace icws
