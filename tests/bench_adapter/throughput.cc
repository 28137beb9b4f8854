// Messages a second from a server's socket, through an icws-adapter process, to a gRPC subscriber.
//
// Three processes or threads work at once on what may be two cores, none pinned: a source that writes
// prepared frames, the adapter, and the subscriber, which counts and acknowledges.
#include <chrono>
#include <cstdio>
#include <vector>

#include "tests/bench_adapter/figures.h"
#include "tests/bench_adapter/sections.h"
#include "tests/bench_adapter/source.h"
#include "tests/bench_adapter/subscriber.h"
#include "tests/integration/adapter/fixture.h"

namespace icws::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Case {
  const char* name;
  size_t bytes;
  uint64_t messages;
};
constexpr Case kCases[] = {{"64 B", 64, 5'000'000}, {"1 KiB", 1024, 1'000'000}, {"64 KiB", 65'536, 30'000}};

// Messages a second; 0 if it failed.
double run(const Case& size) {
  Source source(size.bytes);
  adapter::AdapterProcess adapter({"--receive-bytes-per-second-max", "1099511627776"});
  if (!adapter.process().wait_for_errors("listening")) return 0;
  const auto channel = open_channel(adapter.socket_path());
  const auto open = open_request(source.url());
  Subscriber subscriber(channel, open.key());
  grpc::ClientContext context;
  adapter::v1::OpenResponse opened;
  if (!adapter::v1::Adapter::NewStub(channel)->Open(&context, open, &opened).ok()) return 0;
  // Warm: buffers have grown, all threads run.
  if (!subscriber.receive(size.messages / 10)) return 0;
  const auto begin = Clock::now();
  if (!subscriber.receive(size.messages)) return 0;
  const std::chrono::duration<double> seconds = Clock::now() - begin;
  return static_cast<double>(size.messages) / seconds.count();
}

}  // namespace

bool bench_subscriber(const BenchOptions& options) {
  std::vector<std::vector<double>> rates(std::size(kCases));
  for (size_t round = 0; round < options.rounds; ++round) {
    for (size_t i = 0; i < std::size(kCases); ++i) {
      rates[i].push_back(run(kCases[i]));
      if (rates[i].back() == 0) return false;
    }
  }
  std::printf("adapter, socket -> gRPC subscriber, median of %zu rounds\n", options.rounds);
  std::printf("%-8s %14s %10s\n", "message", "messages/s", "MB/s");
  for (size_t i = 0; i < std::size(kCases); ++i) {
    const double rate = median(rates[i]);
    std::printf("%-8s %14.0f %10.0f\n", kCases[i].name, rate,
                rate * static_cast<double>(kCases[i].bytes) / 1e6);
  }
  return true;
}

}  // namespace icws::bench
