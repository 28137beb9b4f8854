#include "adapter/process_limits.h"

#include <malloc.h>
#include <sys/resource.h>

namespace icws::adapter {
namespace {

// Free memory at the top of the heap before it goes back to the system: a few reads and their events.
constexpr int kTrimBytes = 4 * 1024 * 1024;
// glibc gives each thread an arena of its own, up to eight for each core, and each keeps its own top. What
// the I/O thread allocates gRPC's threads free, so the lock is taken across threads anyway, and only for what
// is larger than a kilobyte: smaller blocks have a cache in each thread.
constexpr int kArenas = 1;
// The heap grows by so much at a time.
constexpr int kPadBytes = 256 * 1024;
// Larger blocks are mapped each by itself and go back at once: in a heap that all threads share, some small
// block soon stands above them, and nothing below it is given back. Few messages are as large.
constexpr int kMapBytes = 1024 * 1024;

}  // namespace

void tune_allocator() {
  mallopt(M_ARENA_MAX, kArenas);
  mallopt(M_TRIM_THRESHOLD, kTrimBytes);
  mallopt(M_TOP_PAD, kPadBytes);
  mallopt(M_MMAP_THRESHOLD, kMapBytes);
}

uint64_t raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace icws::adapter
