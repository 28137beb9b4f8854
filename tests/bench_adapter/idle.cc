// Memory of idle connections.
#include <cstdio>

#include "tests/bench_adapter/crowd.h"
#include "tests/bench_adapter/sections.h"
#include "tests/support/process_figures.h"

namespace icws::bench {
namespace {

// Opened before the first look: what the first connections cost is not each one's.
constexpr size_t kWarmUp = 200;
// Long enough for the first ping (AdapterConfig::ping_after) and its pong.
constexpr std::chrono::seconds kIdle{25};

bool measure(bool tls, const BenchOptions& options) {
  CrowdOptions crowd_options;
  crowd_options.connections_max = options.connections + kWarmUp;
  crowd_options.tls = tls;
  Crowd crowd(crowd_options);
  if (!crowd.open(kWarmUp)) return false;
  const uint64_t before = support::memory_bytes(crowd.adapter_process());
  if (!crowd.open(options.connections)) return false;
  const auto each = [&] {
    const uint64_t now = support::memory_bytes(crowd.adapter_process());
    return (kib(now) - kib(before)) / static_cast<double>(options.connections);
  };
  const double opened = each();
  if (crowd.at_servers().wait_until([&](size_t count) { return count < options.connections; }, kIdle)) {
    std::printf("connections ended while they were idle\n");
    return false;
  }
  std::printf("%-4s %12zu %16.2f %16.2f %12.1f\n", tls ? "wss" : "ws", options.connections, opened, each(),
              kib(before) / 1024);
  return true;
}

}  // namespace

bool bench_idle(const BenchOptions& options) {
  std::printf("idle connections, KiB of the adapter process each (Pss, beyond the first %zu)\n", kWarmUp);
  std::printf("%-4s %12s %16s %16s %12s\n", "", "connections", "when opened", "after a ping", "before, MiB");
  return measure(false, options) && measure(true, options);
}

}  // namespace icws::bench
