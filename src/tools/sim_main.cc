// icws-sim: runs the agreement and the replica under seeded faults in virtual time.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "sim/world.h"

namespace {

using icws::sim::Byzantine;
using icws::sim::Options;
using icws::sim::Planted;
using icws::sim::RunResult;

void print(const Options& options, const RunResult& result) {
  std::cout << "seed " << options.seed << ": " << result.blocks << " blocks, " << result.messages
            << " messages, " << result.crashes << " crashes, " << result.rejected_proposals
            << " proposals rejected, " << result.orders << " orders in " << result.order_copies
            << " copies, byzantine " << to_string(result.byzantine) << ", digest "
            << result.digest.short_hex() << "\n";
  for (const std::string& violation : result.violations) std::cout << "  VIOLATION: " << violation << "\n";
  if (!result.violations.empty()) std::cout << "  replay with: icws-sim " << to_string(options) << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  uint64_t seeds = 1;
  int64_t duration_ms = options.duration.count();
  bool no_crashes = false;
  CLI::App app{
      "Runs the agreement and the replica under seeded faults in virtual time.\n"
      "Exit status: 0 no violation, 1 a violation, 2 wrong usage."};
  app.add_option("--seed", options.seed, "the first seed")->capture_default_str();
  app.add_option("--seeds", seeds, "how many seeds to run")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--replicas", options.replicas, "1 to 40")->capture_default_str()->check(CLI::Range(1, 40));
  app.add_option("--duration-ms", duration_ms, "virtual milliseconds")
      ->capture_default_str()
      ->check(CLI::Range(5'000, 600'000));
  app.add_option("--report-loss", options.report_loss, "chance per thousand")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000));
  app.add_option("--message-loss", options.message_loss, "chance per thousand")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000));
  app.add_flag("--no-crashes", no_crashes, "no crashes, outages and pauses");
  std::map<std::string, Byzantine> strategies;
  for (uint8_t i = 0; i <= 6; ++i)
    strategies[to_string(static_cast<Byzantine>(i))] = static_cast<Byzantine>(i);
  auto* byzantine =
      app.add_option("--byzantine", options.byzantine, "replica 0's strategy (default: by the seed)")
          ->transform(CLI::CheckedTransformer(strategies));
  std::map<std::string, Planted> bugs;
  for (uint8_t i = 0; i <= 2; ++i) bugs[to_string(static_cast<Planted>(i))] = static_cast<Planted>(i);
  app.add_option("--plant", options.planted, "a bug on purpose")->transform(CLI::CheckedTransformer(bugs));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.crashes = !no_crashes;
  options.duration = icws::Milliseconds(duration_ms);
  options.byzantine_from_seed = byzantine->count() == 0;
  std::cout << "icws-sim " << to_string(options) << " --seeds " << seeds << "\n";
  bool failed = false;
  for (uint64_t i = 0; i < seeds; ++i, ++options.seed) {
    const RunResult result = icws::sim::run(options);
    print(options, result);
    failed = failed || !result.violations.empty();
  }
  return failed ? 1 : 0;
}
