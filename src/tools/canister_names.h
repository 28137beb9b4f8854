// The canisters that this build can install, by name.
#pragma once

#include <expected>
#include <string>

#include "replica/canister.h"

namespace icws::tools {

// `names`: comma separated, for example "echo,feed". A sentence on an unknown or repeated name.
std::expected<replica::CanisterSet, std::string> make_canisters(const std::string& names);

}  // namespace icws::tools
