// Exit statuses of the programs, as their help texts give them.
#pragma once

namespace icws::tools {

inline constexpr int kExitOk = 0;
inline constexpr int kExitRejected = 1;     // icwsctl: the canister rejected the call
inline constexpr int kExitUsage = 2;        // flags, arguments or files are wrong
inline constexpr int kExitUnreachable = 3;  // nobody answers there
inline constexpr int kExitFailure = 4;      // anything else
inline constexpr int kExitDiverged =
    5;  // icws-replica: its state is not the agreed one; it must not run again

}  // namespace icws::tools
