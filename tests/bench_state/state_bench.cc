// What one block costs one of four replicas, by the number of connections: all idle, and with a message on
// some. Executing and committing, on storage in memory, without signatures; the other replicas' work is not
// counted.
#include <cstdio>

#include "tests/bench_state/state_subnet.h"

namespace icws::replica {
namespace {

void measure(const char* name, Mode mode, size_t connections) {
  Subnet subnet(mode);
  subnet.open(connections);
  for (const size_t talking : {size_t{0}, size_t{1}, size_t{100}}) {
    if (talking > connections) continue;
    const Cost cost = subnet.run(talking);
    std::printf("%-8s %12zu %10zu %14.0f %12.0f %14.0f\n", name, connections, talking, cost.finalize_us,
                cost.commit_us, cost.written_bytes);
  }
}

}  // namespace
}  // namespace icws::replica

int main() {
  using icws::replica::Mode;
  std::printf("one block on one of four replicas, mean of %zu\n", icws::replica::kBlocks);
  std::printf("%-8s %12s %10s %14s %12s %14s\n", "mode", "connections", "messages", "finalize us",
              "commit us", "bytes written");
  for (const size_t connections : {size_t{1}, size_t{100}, size_t{3'000}}) {
    icws::replica::measure("ordered", Mode::Ordered, connections);
    icws::replica::measure("feed", Mode::Feed, connections);
  }
  return 0;
}
