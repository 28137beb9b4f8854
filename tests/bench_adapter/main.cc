// icws-bench-adapter: what the adapter does beside its peers and the kernel's limits. Prints figures and
// ratios.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "adapter/process_limits.h"
#include "tests/bench_adapter/sections.h"

namespace {

using icws::bench::BenchOptions;

struct Section {
  const char* name;
  bool (*run)(const BenchOptions&);
};

constexpr Section kSections[] = {
    {"clients", icws::bench::bench_clients}, {"subscriber", icws::bench::bench_subscriber},
    {"latency", icws::bench::bench_latency}, {"idle", icws::bench::bench_idle},
    {"ticking", icws::bench::bench_ticking}, {"churn", icws::bench::bench_churn},
};

}  // namespace

int main(int argc, char** argv) {
  BenchOptions options;
  std::vector<std::string> names;
  CLI::App app{
      "Measures the adapter; without a section's name, all of them.\n"
      "Exit status: 0 measured and nothing lost, 1 not so, 2 wrong usage."};
  std::vector<std::string> known;
  for (const auto& section : kSections) known.emplace_back(section.name);
  app.add_option("SECTION", names, "clients, subscriber, latency, idle, ticking, churn")
      ->check(CLI::IsMember(known));
  app.add_option("--rounds", options.rounds, "of clients, subscriber, latency")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--client", options.clients, "of clients: only this one beside icws; repeatable");
  app.add_option("--connections", options.connections, "of idle, ticking")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "of ticking")->capture_default_str();
  app.add_option("--churn-seconds", options.churn_seconds, "of churn")->capture_default_str();
  app.add_option("--opens-per-second", options.opens_per_second, "of churn")->capture_default_str();
  app.add_option("--peers", options.peers, "the folder of scripts/bench-peers");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  // Node's module loader takes no relative one.
  if (!options.peers.empty()) options.peers = std::filesystem::absolute(options.peers).string();
  const auto files = icws::adapter::raise_file_limit();
  std::printf("icws-bench-adapter: %u cores, %llu files\n", std::thread::hardware_concurrency(),
              static_cast<unsigned long long>(files));
  bool good = true;
  for (const auto& section : kSections) {
    if (!names.empty() && std::ranges::find(names, section.name) == names.end()) continue;
    std::printf("\n== %s\n", section.name);
    std::fflush(stdout);
    const bool measured = section.run(options);
    if (!measured) std::printf("FAILED: %s\n", section.name);
    std::fflush(stdout);
    good = good && measured;
  }
  return good ? 0 : 1;
}
