// What the kernel says about a process.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace icws::support {

// Bytes of memory that are its own share (Pss of /proc/PID/smaps_rollup). 0: there is no such process.
uint64_t memory_bytes(pid_t process);
// Processor time it has used, user and system.
std::chrono::milliseconds processor_time(pid_t process);
// Descriptors that it has open.
size_t open_descriptors(pid_t process);
// Bytes that this process has allocated and not freed; under a sanitizer, by the sanitizer's own allocator.
uint64_t allocated_bytes();

}  // namespace icws::support
