#include "tools/subnet_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>
#include <numeric>
#include <sstream>

#include "tools/canister_names.h"
#include "tools/exit_status.h"

namespace icws::tools {
namespace {

// INDEX=PATH[,ARG...]
std::string add_program(const std::string& text, SubnetOptions& out) {
  const size_t equals = text.find('=');
  size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + std::min(equals, text.size()), index);
  if (equals == std::string::npos || error != std::errc() || end != text.data() + equals) {
    return "--replica-program must be INDEX=PATH[,ARG...], not " + text;
  }
  std::istringstream parts(text.substr(equals + 1));
  SubnetOptions::Program program;
  std::string part;
  std::getline(parts, part, ',');
  program.path = part;
  while (std::getline(parts, part, ',')) program.arguments.push_back(part);
  const auto indices = out.indices();
  if (std::ranges::find(indices, index) == indices.end()) {
    return "--replica-program: there is no replica " + std::to_string(index);
  }
  out.replica_programs[index] = std::move(program);
  return {};
}

constexpr const char* kFooter =
    "Runs until SIGINT or SIGTERM and ends with status 0. Statuses: 0 ok, 2 wrong usage, 4 failure.\n"
    "Talk to it with icwsctl --directory DIRECTORY.";

}  // namespace

std::vector<size_t> SubnetOptions::indices() const {
  if (join) return {*join};
  std::vector<size_t> out(replicas);
  std::iota(out.begin(), out.end(), size_t{0});
  return out;
}

std::expected<SubnetOptions, int> parse_subnet_options(std::vector<std::string> arguments) {
  CLI::App app("A development subnet: n replicas, each with its own adapter process, on this machine.",
               "icws-subnet");
  app.footer(kFooter);
  SubnetOptions out;
  uint32_t block_interval_ms = 50;
  double run_for_seconds = 0;
  bool no_restart = false;
  std::vector<std::string> programs;
  auto* replicas = app.add_option("--replicas", out.replicas, "number of replicas")
                       ->check(CLI::Range(1, 40))
                       ->capture_default_str();
  app.add_option(
         "--join", out.join,
         "cometbft: run one more replica, of this index, beside the subnet that runs in --directory; it "
         "follows the chain, and takes part once the replica set has its key (icwsctl replicas)")
      ->check(CLI::Range(0, 250))
      ->excludes(replicas);
  app.add_option("--engine", out.engine, "who orders blocks: local (default) or cometbft, a node a replica")
      ->transform(CLI::CheckedTransformer(kEngineNames));
  app.add_option("--cometbft", out.cometbft, "the cometbft program (default: beside this one, else in PATH)");
  app.add_option(
      "--directory", out.directory,
      "where keys, state and logs are kept; goes on with what is there (default: a fresh one in /tmp)");
  app.add_option("--block-interval", block_interval_ms, "local: from one block to the next, milliseconds")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--allow-network", out.allow_networks,
                 "CIDR that adapters may connect to although it is not globally reachable; repeatable");
  app.add_option("--ca-file", out.ca_file, "PEM file of roots that adapters trust beside the system's")
      ->check(CLI::ExistingFile);
  app.add_option("--adapter-config", out.adapter_config,
                 "file of settings for all adapters, beside which these flags count (docs/config.md)")
      ->check(CLI::ExistingFile);
  app.add_flag("--compression", out.compression, "adapters offer compression for canisters that ask for it");
  app.add_option("--canisters", out.canisters, "canisters to install, comma separated")
      ->capture_default_str();
  app.add_option("--run-for", run_for_seconds, "end after so many seconds (default: never)")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--no-restart", no_restart, "leave a replica or adapter that died dead");
  app.add_option("--replica-program", programs,
                 "INDEX=PATH[,ARG...]: run this in place of icws-replica; repeatable");
  try {
    std::ranges::reverse(arguments);
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return std::unexpected(app.exit(error) == 0 ? kExitOk : kExitUsage);
  }
  out.block_interval = Milliseconds(block_interval_ms);
  out.run_for = Milliseconds(static_cast<int64_t>(run_for_seconds * 1000));
  out.restart = !no_restart;
  std::vector<std::string> faults;
  if (out.join && (out.engine != EngineKind::CometBft || out.directory.empty())) {
    faults.emplace_back("--join needs --engine cometbft and --directory");
  }
  for (const auto& program : programs) faults.push_back(add_program(program, out));
  if (auto canisters = make_canisters(out.canisters); !canisters) faults.push_back(canisters.error());
  std::erase(faults, "");
  for (const auto& fault : faults) std::cerr << "icws-subnet: " << fault << "\n";
  if (!faults.empty()) return std::unexpected(kExitUsage);
  return out;
}

}  // namespace icws::tools
