// An example: opens connections, sends what a user submits and records the answers.
// Its calls and queries are listed in examples/README.md.
#pragma once

#include <memory>

#include "replica/canister.h"

namespace icws::examples {

// The canister in its first state. Deterministic; no thread-safety.
std::unique_ptr<replica::Canister> make_echo_canister();

}  // namespace icws::examples
