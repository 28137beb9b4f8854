// What the process asks of its system before it starts.
#pragma once

#include <cstdint>

namespace icws::adapter {

// Keeps memory for events and reads between two uses. glibc by default gives the heap's top back as soon as
// 128 KiB are free, and the next read faults the same pages in again: at full speed 240,000 page faults a
// second, a quarter of the time. All threads share one heap, so that this is kept once.
void tune_allocator();

// Raises the limit of open files to the hard one: each connection has a file. Returns it.
uint64_t raise_file_limit();

}  // namespace icws::adapter
