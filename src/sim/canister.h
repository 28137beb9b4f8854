// The canister of simulated runs: opens what it is told to, sends on request, and counts what comes.
#pragma once

#include <memory>

#include "replica/canister.h"

namespace icws::sim {

// What its feeds' transforms take away, and the order keys of the simulated feeds and of the recorded ones.
inline constexpr const char* kDropPointer = "/id";
inline constexpr const char* kFeedKeyPointer = "/key";
inline constexpr const char* kCaptureKeyPointers[] = {"/method", "/params/symbol"};

// Older values do not count in observations.
inline constexpr Milliseconds kValueAgeMax{2'000};

// Calls: `open <url> <ordered|feed|capture|observations> <reconnect 0|1> <all|some|single> <drop-oldest 0|1>
// [min_responses]`, `send <connection> <text>`. It traps on an entry that is not the next one, so that a hole
// or a double in the transcript shows.
std::unique_ptr<replica::Canister> make_canister();

}  // namespace icws::sim
