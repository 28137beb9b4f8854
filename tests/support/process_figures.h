// What the kernel says about a process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace icws::support {

// Bytes of memory that are its own share (Pss of /proc/PID/smaps_rollup). 0: there is no such process.
uint64_t memory_bytes(pid_t process);
// Processor time it has used, user and system.
std::chrono::milliseconds processor_time(pid_t process);

}  // namespace icws::support
