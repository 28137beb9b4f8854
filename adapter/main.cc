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
#include "adapter/systemd.h"

namespace icws::adapter {
namespace {

constexpr int kExitStart = 1;
constexpr int kExitConfig = 2;
// The stop did not come to its end.
constexpr int kExitStuck = 3;

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
  sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

// Until a signal ends it.
void wait_for_end(const sigset_t& signals, Daemon& daemon, const CommandLine& command_line,
                  bool socket_is_passed, const SystemdNotifier& systemd) {
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
    systemd.reloading();
    daemon.reload(load_config(command_line, socket_is_passed));
    systemd.ready();
  }
}

int serve(const CommandLine& command_line) {
  const auto environment = take_systemd_environment();
  const long pid = ::getpid();
  const auto passed = passed_sockets(environment, pid);
  if (!passed) return complain({passed.error()});
  const bool socket_is_passed = passed->grpc >= 0;
  const auto config = load_config(command_line, socket_is_passed);
  if (!config) return complain(config.error());
  tune_allocator();
  raise_file_limit();
  const sigset_t signals = block_signals();
  const SystemdNotifier systemd(environment.notify_socket);
  Supervision supervision;
  supervision.sockets = *passed;
  supervision.alive_interval = watchdog_interval(environment, pid);
  if (supervision.alive_interval) supervision.alive = [&systemd] { systemd.alive(); };
  supervision.stuck = [] { std::_Exit(kExitStuck); };
  std::optional<Daemon> daemon;
  try {
    daemon.emplace(*config, std::move(supervision));
  } catch (const std::exception& error) {
    std::cerr << "icws-adapter: " << error.what() << "\n";
    return kExitStart;
  }
  systemd.ready();
  wait_for_end(signals, *daemon, command_line, socket_is_passed, systemd);
  systemd.stopping();
  daemon->stop();
  return EXIT_SUCCESS;
}

int check(const CommandLine& command_line) {
  // Whether systemd will pass the socket is not known here.
  const auto config = load_config(command_line, true);
  return config ? EXIT_SUCCESS : complain(config.error());
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
      return check(*command_line);
    case Command::kRun:
      break;
  }
  return serve(*command_line);
}

}  // namespace
}  // namespace icws::adapter

int main(int argc, char** argv) {
  return icws::adapter::run(std::vector<std::string>(argv + 1, argv + argc));
}
