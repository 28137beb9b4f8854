// An example: opens connections, sends what a user submits and records the answers.
// Its calls and queries are listed in examples/README.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "replica/canister.h"
#include "transform/canister_transform.h"

namespace icws::examples {

// The canister in its first state. Deterministic; no thread-safety.
std::unique_ptr<replica::Canister> make_echo_canister();

// Its transforms, an example of one: "after" gives what follows the context's first occurrence in a message,
// and the whole message where there is none.
std::map<std::string, transform::TransformFunction, std::less<>> echo_transforms();

}  // namespace icws::examples
