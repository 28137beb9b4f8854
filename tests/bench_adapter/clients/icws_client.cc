// icws-bench-client-icws URL: this project's client, the adapter's own connection without gRPC.
#include "adapter/process_limits.h"
#include "tests/bench_adapter/clients/local_adapter.h"
#include "tests/bench_adapter/clients/rate_meter.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  icws::adapter::tune_allocator();
  icws::bench::RateMeter meter;
  icws::bench::LocalAdapter* running = nullptr;
  icws::bench::LocalAdapter client(argv[1], [&](uint64_t events) {
    if (!meter.add(events)) running->stop();
  });
  running = &client;
  client.run();
  meter.print();
  return 0;
}
