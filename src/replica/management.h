// What whoever controls a canister may ask of the service: calls of the management canister, in user calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "replica/pricing.h"

namespace icws::replica {

// The canister of a user call that the service answers itself. No canister can have this id.
inline constexpr std::string_view kManagementCanister = "aaaaa-aa";

// Methods of the management canister; the arguments are a ManagementArguments in archive encoding. On a
// development subnet whoever reaches a replica's socket controls every canister.
namespace management {
// Adds cycles to a canister's account. Any phase.
inline constexpr std::string_view kDeposit = "deposit_cycles";
// All connections end with CANISTER_STOPPED; the canister is Stopped once everything that was agreed, these
// ends included, has been told to it. Until then it is Stopping. Neither takes calls.
inline constexpr std::string_view kStop = "stop_canister";
// Stopping or Stopped: Running again. Connections do not come back by themselves.
inline constexpr std::string_view kStart = "start_canister";
// Running or Stopped: the code `code`, with the state that the code before saved. Connections stay open,
// their callbacks go to the new code; their transforms are the old code's until their next epoch. Where the
// new code refuses the state, nothing changes.
inline constexpr std::string_view kUpgrade = "upgrade_canister";
// Stopped only: the canister, its state and its account are gone for ever.
inline constexpr std::string_view kDelete = "delete_canister";
}  // namespace management

struct ManagementArguments {
  std::string canister = {};
  // Only in an upgrade.
  std::string code = {};
  // Only in a deposit.
  Cycles cycles = 0;
  static void fields(auto& archive, auto& self) { archive(self.canister, self.code, self.cycles); }
};

}  // namespace icws::replica
