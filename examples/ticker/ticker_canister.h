// An example canister: the median price of instruments, from what every node's own connection to an exchange
// says.
#pragma once

#include <memory>

#include "replica/canister.h"

namespace icws::examples {

// Calls and queries: examples/README.md. Mode observations; the exchange speaks HitBTC's protocol.
std::unique_ptr<replica::Canister> make_ticker_canister();

}  // namespace icws::examples
