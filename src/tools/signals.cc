#include "tools/signals.h"

#include <ctime>

namespace icws::tools {

Signals::Signals() {
  ::sigemptyset(&set_);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) ::sigaddset(&set_, signal);
  ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  // Writing to a reader that has gone is an error to look at, not the end.
  std::signal(SIGPIPE, SIG_IGN);
}

std::optional<int> Signals::wait(Milliseconds patience) const {
  const timespec time{patience.count() / 1000, patience.count() % 1000 * 1'000'000};
  const int signal = ::sigtimedwait(&set_, nullptr, &time);
  if (signal < 0) return std::nullopt;
  return signal;
}

void Signals::unblock_in_child() const {
  ::sigprocmask(SIG_UNBLOCK, &set_, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
}

}  // namespace icws::tools
