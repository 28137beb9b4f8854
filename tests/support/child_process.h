// Programs under test, as processes.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/waiting.h"

namespace icws::support {

struct ChildOptions {
  std::filesystem::path program;                   // a path, or a name that PATH has
  std::vector<std::string> arguments;              // without the program's own name
  std::map<std::string, std::string> environment;  // added to, or replacing, this process's
  std::optional<std::filesystem::path> working_directory;
};

// How a process ended: with a status, or by a signal.
struct ChildExit {
  std::optional<int> status;
  std::optional<int> signal;

  bool ok() const { return status == 0; }
  auto operator<=>(const ChildExit&) const = default;
};

// What: a child process whose standard output and error are collected; its input is empty. The kernel kills
// it if this process dies. Thread-safety: all methods from any thread. Ownership: the destructor kills
// (SIGKILL) and reaps this one process; what it started itself is its own affair. Errors: construction throws
// std::system_error if the program cannot be run. After its end, all methods but kill() (which then does
// nothing) go on working.
class ChildProcess {
 public:
  explicit ChildProcess(ChildOptions options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const;
  // Never reaches another process: the pid is held until the object has reaped it.
  void kill(int signal = SIGKILL);
  // Empty if it still runs after `deadline`. All output has been collected when this returns a value.
  std::optional<ChildExit> wait_exit(std::chrono::milliseconds deadline = kTestDeadline);
  // What it has written so far.
  std::string output() const;
  std::string errors() const;
  // The first whole line of standard output (or error) that contains `text`, without its end; empty if none
  // came within `deadline` or before the process ended.
  std::optional<std::string> wait_for_output(const std::string& text,
                                             std::chrono::milliseconds deadline = kTestDeadline) const;
  std::optional<std::string> wait_for_errors(const std::string& text,
                                             std::chrono::milliseconds deadline = kTestDeadline) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A program of this build: environment variable ICWS_BIN (ctest sets it), else the `bin` beside the test
// program.
std::filesystem::path built_program(const std::string& name);
// A file of the source tree: environment variable ICWS_SOURCE, else where this was compiled.
std::filesystem::path source_file(const std::string& relative);

// The port of a line "listening on 127.0.0.1:PORT"; empty if the process did not print one within `deadline`.
std::optional<uint16_t> wait_for_port(const ChildProcess& child,
                                      std::chrono::milliseconds deadline = kTestDeadline);

}  // namespace icws::support
