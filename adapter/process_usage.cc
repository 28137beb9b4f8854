#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "adapter/metrics.h"

namespace icws::adapter {

ProcessUsage process_usage() {
  ProcessUsage out;
  // proc(5): size, resident, ... in pages.
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  if (statm >> size >> resident)
    out.resident_bytes = resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    out.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return out;
}

}  // namespace icws::adapter
