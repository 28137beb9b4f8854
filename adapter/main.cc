// icws-adapter: settings, signals, exit codes.
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "adapter/command_line.h"
#include "adapter/config_text.h"
#include "adapter/daemon.h"
#include "adapter/process_limits.h"

namespace icws::adapter {
namespace {

constexpr int kExitConfig = 2;
constexpr int kExitStart = 1;

int complain(const ConfigFaults& faults) {
  for (const auto& fault : faults) std::cerr << "icws-adapter: " << fault << "\n";
  return kExitConfig;
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

int serve(const AdapterConfig& config) {
  tune_allocator();
  raise_file_limit();
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
  daemon->stop();
  return EXIT_SUCCESS;
}

int run(const std::vector<std::string>& arguments) {
  const auto command_line = parse_command_line(arguments);
  if (!command_line) return complain(command_line.error());
  switch (command_line->command) {
    case Command::kHelp:
      std::cout << help_text();
      return EXIT_SUCCESS;
    case Command::kVersion:
      std::cout << ICWS_VERSION << "\n";
      return EXIT_SUCCESS;
    case Command::kPrintSample:
      std::cout << config_sample();
      return EXIT_SUCCESS;
    case Command::kPrintDocument:
      std::cout << config_document();
      return EXIT_SUCCESS;
    case Command::kCheck:
    case Command::kRun:
      break;
  }
  const auto config = load_config(*command_line);
  if (!config) return complain(config.error());
  return command_line->command == Command::kCheck ? EXIT_SUCCESS : serve(*config);
}

}  // namespace
}  // namespace icws::adapter

int main(int argc, char** argv) {
  return icws::adapter::run(std::vector<std::string>(argv + 1, argv + argc));
}
