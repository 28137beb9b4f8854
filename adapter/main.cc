// icws-adapter: settings, signals, exit codes.
#include <pthread.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>

#include "adapter/config.h"
#include "adapter/daemon.h"

namespace icws::adapter {
namespace {

constexpr int kExitConfig = 2;
constexpr int kExitStart = 1;

// What the command line says; it goes over the file.
struct Flags {
  std::string config;
  std::optional<std::string> socket;
  std::optional<std::string> ca_file;
  std::optional<std::string> log_level;
  std::vector<std::string> allow_networks;
  std::map<const Setting*, uint64_t> numbers;
};

std::string flag_name(std::string_view setting) {
  std::string out = "--" + std::string(setting);
  std::ranges::replace(out, '_', '-');
  return out;
}

void declare(CLI::App& app, Flags& flags) {
  app.set_version_flag("--version", ICWS_VERSION);
  app.add_option("--config", flags.config, "JSON file of settings; flags win");
  app.add_option("--socket", flags.socket, "path of the gRPC socket; its directory has mode 0700");
  app.add_option("--allow-network", flags.allow_networks,
                 "network (CIDR) to allow although it is not globally reachable; repeatable");
  app.add_option("--ca-file", flags.ca_file, "PEM file of roots to trust beside the system's");
  app.add_option("--log-level", flags.log_level, "error, warning, info or debug");
  for (const auto& setting : settings()) {
    app.add_option_function<uint64_t>(
           flag_name(setting.name), [&flags, &setting](uint64_t value) { flags.numbers[&setting] = value; },
           std::string(setting.help))
        ->group("Limits and deadlines");
  }
}

std::vector<std::string> build(const Flags& flags, AdapterConfig& config) {
  std::vector<std::string> faults;
  if (!flags.config.empty()) {
    std::ifstream file(flags.config);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    if (!file) return {flags.config + ": cannot be read"};
    if (auto applied = apply_json(text, config); !applied) faults = std::move(applied.error());
  }
  if (flags.socket) config.socket = *flags.socket;
  if (flags.ca_file) config.ca_file = *flags.ca_file;
  if (flags.log_level) config.log_level = *flags.log_level;
  auto& networks = config.allow_networks;
  networks.insert(networks.end(), flags.allow_networks.begin(), flags.allow_networks.end());
  for (const auto& [setting, value] : flags.numbers) {
    if (auto applied = apply_number(*setting, value, config); !applied) faults.push_back(applied.error());
  }
  const auto relations = validate(config);
  faults.insert(faults.end(), relations.begin(), relations.end());
  return faults;
}

// Blocked before any thread starts, so that only sigwait() sees them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

int run(const AdapterConfig& config) {
  const sigset_t signals = block_signals();
  std::optional<Daemon> daemon;
  try {
    daemon.emplace(config);
  } catch (const std::exception& error) {
    std::cerr << "icws-adapter: " << error.what() << "\n";
    return kExitStart;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  // A look-up cannot be cancelled, and nothing is left to save: do not wait for it.
  if (!daemon->stop()) std::_Exit(EXIT_SUCCESS);
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace icws::adapter

int main(int argc, char** argv) {
  using namespace icws::adapter;
  CLI::App app("Opens WebSocket connections for a replica.", "icws-adapter");
  Flags flags;
  declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  AdapterConfig config;
  if (const auto faults = build(flags, config); !faults.empty()) {
    for (const auto& fault : faults) std::cerr << "icws-adapter: " << fault << "\n";
    return kExitConfig;
  }
  return run(config);
}
