// Where canisters' code is run.
#pragma once

#include <exception>
#include <optional>
#include <string>

namespace icws::replica {

// Runs a canister's code: what it threw, as text. Whatever it throws must not stop the subnet.
template <class Code>
std::optional<std::string> trap_of(const Code& code) {
  try {
    code();
    return std::nullopt;
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "the canister threw something that is no exception";
  }
}

}  // namespace icws::replica
