// icws-sim: runs the agreement and the replica under seeded faults in virtual time.
#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "sim/world.h"

namespace {

using icws::Milliseconds;
using icws::sim::Captures;
using icws::sim::Options;
using icws::sim::Plan;
using icws::sim::Planted;
using icws::sim::RunResult;

constexpr uint32_t kShrinkRunsMax = 600;

struct Arguments {
  Options options;
  uint64_t seeds = 1;
  int64_t seconds = 0;
  uint64_t stop_after = 1;
  std::string scenario;
  std::string captures;
  bool shrink = false;
  bool show = false;
  bool quiet = false;
};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// "UNIXTIME: TEXT" is a message; the first line tells when the connection was opened.
icws::sim::RecordedStream read_stream(const std::string& path) {
  std::istringstream in(read_file(path));
  icws::sim::RecordedStream out;
  std::optional<double> start;
  for (std::string line; std::getline(in, line);) {
    char* end = nullptr;
    const double at = std::strtod(line.c_str(), &end);
    if (end == line.c_str() || !std::string_view(end).starts_with(": {")) continue;
    if (!start) start = at;
    out.push_back({Milliseconds(static_cast<int64_t>((at - *start) * 1'000)), std::string(end + 2)});
  }
  return out;
}

std::optional<Captures> load_captures(const std::string& folder) {
  if (folder.empty()) return std::nullopt;
  std::vector<icws::sim::RecordedStream> streams;
  for (int i = 1; i <= 4; ++i)
    streams.push_back(read_stream(folder + "/hitbtc-" + std::to_string(i) + ".capture"));
  return icws::sim::make_captures(streams, icws::sim::kCaptureSpeed);
}

void print(uint64_t seed, const RunResult& result, bool quiet) {
  if (quiet && result.violations.empty()) return;
  std::cout << "seed " << seed << ": " << result.blocks << " blocks, " << result.messages << " messages, "
            << result.gaps << " in gaps, " << result.closes << " closes, " << result.crashes << " crashes, "
            << result.rejected_proposals << " proposals rejected, digest " << result.digest.short_hex()
            << "\n";
  for (const std::string& violation : result.violations)
    std::cout << "  VIOLATION: " << violation << std::endl;
}

void shrink_and_print(const Plan& plan, const Captures* captures) {
  const Plan small = icws::sim::shrink(plan, captures, kShrinkRunsMax);
  std::cout << "# The smallest scenario found; save it and replay it with icws-sim --scenario FILE\n"
            << to_text(small);
  for (const std::string& violation : run(small, captures).violations) std::cout << "# " << violation << "\n";
}

int run_plan(const Plan& plan, const Arguments& arguments, const Captures* captures) {
  if (arguments.show) {
    std::cout << to_text(plan);
    return 0;
  }
  const RunResult result = run(plan, captures);
  print(plan.seed, result, arguments.quiet);
  if (result.violations.empty()) return 0;
  if (arguments.shrink) shrink_and_print(plan, captures);
  return 1;
}

// Seeds one after the other, for a number of them or of seconds.
int run_seeds(Arguments arguments, const Captures* captures) {
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  uint64_t count = 0, failed = 0;
  const bool timed = arguments.seconds > 0;
  while (timed ? elapsed() < static_cast<double>(arguments.seconds) : count < arguments.seeds) {
    const int status = run_plan(make_plan(arguments.options), arguments, captures);
    failed += status != 0;
    ++arguments.options.seed;
    ++count;
    if (failed > 0 && failed == arguments.stop_after) break;
  }
  if (!arguments.show && count > 1) {
    std::cout << count << " seeds, " << failed << " failed, " << elapsed() << " s, "
              << static_cast<double>(count) / elapsed() << " seeds per second\n";
  }
  return failed == 0 ? 0 : 1;
}

int parse(CLI::App& app, Arguments& arguments, int argc, char** argv) {
  uint32_t replicas = 0;
  int64_t duration_ms = 0;
  bool no_faults = false, no_liars = false, no_losses = false;
  app.add_option("--seed", arguments.options.seed, "the first seed")->capture_default_str();
  app.add_option("--seeds", arguments.seeds, "how many seeds to run")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", arguments.seconds, "run seeds for so long instead")->check(CLI::PositiveNumber);
  app.add_option("--stop-after", arguments.stop_after, "failed seeds; 0: never")->capture_default_str();
  app.add_option("--replicas", replicas, "1 to 40 (default: by the seed)")->check(CLI::Range(1, 40));
  app.add_option("--duration-ms", duration_ms, "virtual milliseconds (default: by the seed)")
      ->check(CLI::Range(6'000, 600'000));
  app.add_flag("--no-faults", no_faults, "no crashes, outages, pauses and partitions");
  app.add_flag("--no-liars", no_liars, "no Byzantine replicas");
  app.add_flag("--no-losses", no_losses, "nothing that servers send is lost");
  app.add_option("--captures", arguments.captures,
                 "a folder with hitbtc-{1..4}.capture (default: ICWS_CAPTURES)")
      ->envname("ICWS_CAPTURES");
  app.add_option("--scenario", arguments.scenario, "a file that --show or --shrink printed");
  app.add_flag("--shrink", arguments.shrink, "print the smallest scenario that still fails");
  app.add_flag("--show", arguments.show, "print the scenario and do not run it");
  app.add_flag("--quiet", arguments.quiet, "only failures and the summary");
  std::map<std::string, Planted> bugs;
  for (uint8_t i = 0; i <= 2; ++i) bugs[to_string(static_cast<Planted>(i))] = static_cast<Planted>(i);
  app.add_option("--plant", arguments.options.planted, "a bug on purpose")
      ->transform(CLI::CheckedTransformer(bugs));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (replicas > 0) arguments.options.replicas = replicas;
  if (duration_ms > 0) arguments.options.duration = Milliseconds(duration_ms);
  arguments.options.faults = !no_faults;
  arguments.options.liars = !no_liars;
  arguments.options.losses = !no_losses;
  return -1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Runs the agreement and the replica under seeded faults in virtual time.\n"
      "Exit status: 0 no violation, 1 a violation, 2 wrong usage."};
  Arguments arguments;
  if (const int status = parse(app, arguments, argc, argv); status >= 0) return status;
  try {
    const std::optional<Captures> captures = load_captures(arguments.captures);
    const Captures* given = captures ? &*captures : nullptr;
    std::cout << (arguments.show ? "# " : "") << "icws-sim:";
    for (int i = 1; i < argc; ++i) std::cout << " " << argv[i];
    std::cout << " (seed " << arguments.options.seed << ", feeds " << (given ? "recorded" : "synthetic")
              << ")\n";
    if (arguments.scenario.empty()) return run_seeds(std::move(arguments), given);
    const auto plan = icws::sim::parse_plan(read_file(arguments.scenario));
    if (!plan) throw std::runtime_error(arguments.scenario + ": " + plan.error());
    return run_plan(*plan, arguments, given);
  } catch (const std::exception& error) {
    std::cerr << "icws-sim: " << error.what() << "\n";
    return 2;
  }
}
