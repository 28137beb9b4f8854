// How the examples pass a refusal of the service on to the user.
#pragma once

#include <string>
#include <string_view>

#include "replica/canister.h"

namespace icws::examples {

// "INVALID_ARGUMENT" and so on.
std::string_view reject_name(replica::RejectCode code);

// Ends the canister's call: throws std::runtime_error with the code's name and the message.
[[noreturn]] void pass_on(const replica::Reject& reject);

}  // namespace icws::examples
