// Users of this machine.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>
#include <string_view>

namespace icws::adapter {

// A user's number from its name or its number. Asks the system, which may block. Errors: a sentence.
std::expected<uid_t, std::string> find_user(std::string_view text);

}  // namespace icws::adapter
