// Connections that are opened and closed, many a second.
#include <cstdio>
#include <vector>

#include "tests/bench_adapter/crowd.h"
#include "tests/bench_adapter/sections.h"
#include "tests/support/process_figures.h"

namespace icws::bench {
namespace {

using Clock = std::chrono::steady_clock;

// Memory is looked at so often.
constexpr std::chrono::seconds kLook{5};
// Between openings: so many that are due are submitted together.
constexpr std::chrono::milliseconds kPace{2};
// At a time, the closing ones included; at the goal's rate a few dozen are.
constexpr size_t kConnectionsMax = 3'000;

}  // namespace

bool bench_churn(const BenchOptions& options) {
  CrowdOptions crowd_options;
  crowd_options.connections_max = kConnectionsMax;
  crowd_options.close_at_once = true;
  Crowd crowd(crowd_options);
  const auto duration = std::chrono::seconds(options.churn_seconds);
  std::printf("%zu connections a second opened and closed, for %zu s; the adapter's memory, MiB:\n",
              options.opens_per_second, options.churn_seconds);
  std::vector<double> memory;
  const auto begin = Clock::now();
  size_t submitted = 0;
  for (auto now = begin; now - begin < duration; now = Clock::now()) {
    const std::chrono::duration<double> spent = now - begin;
    const auto due = static_cast<size_t>(spent.count() * static_cast<double>(options.opens_per_second));
    for (; submitted < due; ++submitted) crowd.submit_open();
    if (now - begin >= kLook * (memory.size() + 1)) {
      memory.push_back(kib(support::memory_bytes(crowd.adapter_process())) / 1024);
      std::printf(" %.1f", memory.back());
      std::fflush(stdout);
    }
    if (crowd.progress().wait_until([](const CrowdProgress& progress) { return progress.failed > 0; },
                                    kPace)) {
      break;
    }
  }
  const bool all = crowd.progress().wait_until(
      [&](const CrowdProgress& progress) { return progress.opened >= submitted || progress.failed > 0; });
  const bool gone = crowd.at_servers().wait_until([](size_t count) { return count == 0; });
  const auto end = crowd.progress().get();
  std::printf("\nsubmitted %zu, opened %zu, failed %zu %s\n", submitted, end.opened, end.failed,
              end.first_failure.c_str());
  if (!gone) std::printf("%zu are still at the servers\n", crowd.at_servers().get());
  return all && gone && end.failed == 0;
}

}  // namespace icws::bench
