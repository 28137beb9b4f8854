// Child processes that are to run, and run again when they die.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "tools/signals.h"

namespace icws::tools {

// Long enough to close files in order, short enough for a subnet that waits for this one.
inline constexpr Milliseconds kEndsWithPatience{2'000};

struct ChildSpec {
  // For people, for example "replica 2".
  std::string name;
  std::filesystem::path program;
  std::vector<std::string> arguments;
  // Standard output and error are appended here; input is empty.
  std::filesystem::path log;
  // Started, and started again, only once this is true; empty: at once.
  std::function<bool()> ready;
  // The child without which this one cannot go on, an index of start(): when that one dies, this one has
  // kEndsWithPatience to end by itself, and is killed then.
  std::optional<size_t> ends_with;
};

// What: starts children in their own process groups; the kernel kills them if this process dies.
// Thread-safety: none, and all calls from the main thread (the kernel ties a child to the thread that made
// it). Ownership: the destructor kills and reaps what still runs. Errors: std::system_error if a process
// cannot be made; a program that cannot be run is a child that dies with status 127.
class Supervisor {
 public:
  using Notice = std::function<void(const std::string&)>;
  // `restart`: start a child that died again, after 0.2 s, twice as long each time it dies within 10 s, at
  // most 5 s; but not one that ended with kExitDiverged.
  Supervisor(const Signals& signals, bool restart, Notice notice);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // The child's index.
  size_t start(ChildSpec spec);
  // 0: not running.
  pid_t pid(size_t child) const { return children_[child].pid; }
  // Reaps what died, kills what hangs, and starts what is due. True if a pid has changed. Call after SIGCHLD
  // and a few times a second.
  bool tend();
  // SIGTERM to these children, then SIGKILL to those that still run after `patience`.
  void stop(const std::vector<size_t>& children, Milliseconds patience);

 private:
  using Clock = std::chrono::steady_clock;
  struct Child {
    ChildSpec spec;
    pid_t pid = 0;
    Clock::time_point started;
    Clock::time_point due;
    Milliseconds backoff{0};
    bool wanted = true;
    // What it ends with has died.
    std::optional<Clock::time_point> kill_due;
  };
  void spawn(Child& child);
  void on_exit(Child& child, int status);
  bool reap();
  void kill_what_hangs();

  const Signals& signals_;
  const bool restart_;
  const Notice notice_;
  std::vector<Child> children_;
};

}  // namespace icws::tools
