// The parts of icws-bench-adapter: each measures one thing and prints a table.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace icws::bench {

struct BenchOptions {
  // Of clients and subscriber: everything is measured so often, the rounds interleaved, the median printed.
  size_t rounds = 5;
  // Of clients: these only, beside this project's own. Empty: all.
  std::vector<std::string> clients;
  // Of idle and ticking.
  size_t connections = 10'000;
  // Of ticking.
  size_t seconds = 20;
  // Of churn.
  size_t churn_seconds = 60;
  size_t opens_per_second = 1'000;
  // Where scripts/bench-peers has put npm's packages. Empty, or nothing there: that peer is left out.
  std::string peers;
};

// Each returns false if something could not be measured, or was lost; it has said what.

// From socket to message, one core each side: this project's client beside others and the raw socket.
bool bench_clients(const BenchOptions& options);
// From socket to gRPC subscriber.
bool bench_subscriber(const BenchOptions& options);
// Echo: the raw socket, the adapter without gRPC, the adapter with it.
bool bench_latency(const BenchOptions& options);
// Memory of idle connections, ws and wss.
bool bench_idle(const BenchOptions& options);
// Every connection gets a message a second.
bool bench_ticking(const BenchOptions& options);
// Connections that are opened and closed.
bool bench_churn(const BenchOptions& options);

}  // namespace icws::bench
