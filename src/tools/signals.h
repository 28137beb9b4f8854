// Signals as something to wait for, not as handlers.
#pragma once

#include <csignal>
#include <optional>

#include "base/time.h"

namespace icws::tools {

// What: SIGINT, SIGTERM and SIGCHLD blocked in this thread and in all that it starts later, and taken by
// wait(). Construct it first in main.
class Signals {
 public:
  Signals();
  // The signal, or empty after `patience`.
  std::optional<int> wait(Milliseconds patience) const;
  // What a child process must do between fork and exec, so that it can be signalled.
  void unblock_in_child() const;

 private:
  sigset_t set_;
};

}  // namespace icws::tools
