// Many connections that get a message a second.
#include <cstdio>

#include "tests/bench_adapter/crowd.h"
#include "tests/bench_adapter/sections.h"
#include "tests/support/process_figures.h"

namespace icws::bench {

bool bench_ticking(const BenchOptions& options) {
  CrowdOptions crowd_options;
  crowd_options.connections_max = options.connections;
  crowd_options.ticking = true;
  Crowd crowd(crowd_options);
  if (!crowd.open(options.connections)) return false;
  const auto processor_before = support::processor_time(crowd.adapter_process());
  const auto messages_before = crowd.progress().get().messages;
  const auto begin = std::chrono::steady_clock::now();
  const bool failed =
      crowd.progress().wait_until([](const CrowdProgress& progress) { return progress.failed > 0; },
                                  std::chrono::seconds(options.seconds));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  const std::chrono::duration<double> busy =
      support::processor_time(crowd.adapter_process()) - processor_before;
  const auto messages = crowd.progress().get().messages - messages_before;
  const uint64_t sent = crowd.stop_ticking();
  const bool all =
      crowd.progress().wait_until([&](const CrowdProgress& progress) { return progress.messages >= sent; });
  const auto end = crowd.progress().get();
  std::printf("%zu connections, a message of 64 B a second each, for %zu s\n", options.connections,
              options.seconds);
  std::printf(
      "messages/s %.0f, adapter's share of a core %.1f %%, sent %llu, heard %llu, out of order %llu\n",
      static_cast<double>(messages) / spent.count(), 100 * busy.count() / spent.count(),
      static_cast<unsigned long long>(sent), static_cast<unsigned long long>(end.messages),
      static_cast<unsigned long long>(end.out_of_order));
  return !failed && all && end.messages == sent && end.out_of_order == 0;
}

}  // namespace icws::bench
