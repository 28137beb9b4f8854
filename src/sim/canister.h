// The canister of simulated runs: opens what it is told to, sends on request, and counts what comes.
#pragma once

#include <memory>

#include "replica/canister.h"

namespace icws::sim {

// Calls: `open <url> <ordered|feed|observations> <reconnect 0|1> [some|single]`, `send <connection> <text>`,
// `trap`. It
// traps on an entry that is not the next one, so that a hole or a double in the transcript shows.
std::unique_ptr<replica::Canister> make_canister();

// Older values do not count in observations.
inline constexpr Milliseconds kValueAgeMax{2'000};

}  // namespace icws::sim
