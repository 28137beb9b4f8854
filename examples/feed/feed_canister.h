// An example: subscribes to a market feed of HitBTC's shape and keeps, per symbol, the last trade, the last
// ticker and the order book. Its calls and queries are listed in examples/README.md.
#pragma once

#include <memory>

#include "replica/canister.h"

namespace icws::examples {

// The canister in its first state. Deterministic; no thread-safety.
std::unique_ptr<replica::Canister> make_feed_canister();

}  // namespace icws::examples
