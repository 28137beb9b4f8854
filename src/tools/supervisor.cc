#include "tools/supervisor.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "tools/exit_status.h"

namespace icws::tools {
namespace {

constexpr Milliseconds kFirstBackoff{200};
constexpr Milliseconds kLongestBackoff{5'000};
constexpr Milliseconds kLivedWell{10'000};
constexpr int kCannotRun = 127;

// Between fork and exec: nothing here may allocate or lock.
[[noreturn]] void become(const char* program, char* const* arguments, int log, pid_t parent,
                         const Signals& signals) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotRun);
  // A Ctrl-C at the terminal reaches the supervisor only, which ends its children in the right order.
  ::setpgid(0, 0);
  signals.unblock_in_child();
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(program, arguments);
  ::_exit(kCannotRun);
}

std::string describe(int status, const ChildSpec& spec) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) == kCannotRun) return "cannot be run: is " + spec.program.string() + " there?";
  return "ended with status " + std::to_string(WEXITSTATUS(status)) + "; see " + spec.log.string();
}

}  // namespace

Supervisor::Supervisor(const Signals& signals, bool restart, Notice notice)
    : signals_(signals), restart_(restart), notice_(std::move(notice)) {}

Supervisor::~Supervisor() {
  for (const Child& child : children_) {
    if (child.pid == 0) continue;
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
  }
}

size_t Supervisor::start(ChildSpec spec) {
  children_.push_back({.spec = std::move(spec), .started = {}, .due = {}, .kill_due = {}});
  if (!children_.back().spec.ready) spawn(children_.back());
  return children_.size() - 1;
}

void Supervisor::spawn(Child& child) {
  const int log = ::open(child.spec.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) throw std::system_error(errno, std::generic_category(), child.spec.log.string());
  const std::string program = child.spec.program.string();
  std::vector<char*> arguments{const_cast<char*>(program.c_str())};
  for (const auto& argument : child.spec.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(program.c_str(), arguments.data(), log, parent, signals_);
  ::close(log);
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  child.pid = pid;
  child.started = Clock::now();
  child.kill_due.reset();
}

void Supervisor::on_exit(Child& child, int status) {
  child.pid = 0;
  if (!child.wanted) return;
  std::string line = child.spec.name + " " + describe(status, child.spec);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kExitDiverged) {
    child.wanted = false;
    line += "; it stays so, see " + child.spec.log.string();
  } else if (restart_) {
    const bool lived_well = Clock::now() - child.started >= kLivedWell;
    child.backoff = child.backoff == Milliseconds(0) || lived_well
                        ? kFirstBackoff
                        : std::min(child.backoff * 2, kLongestBackoff);
    child.due = Clock::now() + child.backoff;
    line += "; starts again in " + std::to_string(child.backoff.count()) + " ms";
  } else {
    child.wanted = false;
  }
  notice_(line);
}

bool Supervisor::reap() {
  bool changed = false;
  for (Child& child : children_) {
    int status = 0;
    if (child.pid == 0 || ::waitpid(child.pid, &status, WNOHANG) != child.pid) continue;
    on_exit(child, status);
    for (Child& other : children_) {
      if (other.pid != 0 && other.spec.ends_with && &children_[*other.spec.ends_with] == &child) {
        other.kill_due = Clock::now() + kEndsWithPatience;
      }
    }
    changed = true;
  }
  return changed;
}

void Supervisor::kill_what_hangs() {
  for (Child& child : children_) {
    if (child.pid == 0 || !child.kill_due || Clock::now() < *child.kill_due) continue;
    child.kill_due.reset();
    notice_(child.spec.name + " did not end with " + children_[*child.spec.ends_with].spec.name +
            " and is killed");
    ::kill(child.pid, SIGKILL);
  }
}

bool Supervisor::tend() {
  bool changed = reap();
  kill_what_hangs();
  for (Child& child : children_) {
    if (child.pid != 0 || !child.wanted || Clock::now() < child.due) continue;
    if (child.spec.ready && !child.spec.ready()) continue;
    spawn(child);
    changed = true;
  }
  return changed;
}

void Supervisor::stop(const std::vector<size_t>& children, Milliseconds patience) {
  const auto running = [&] { return std::ranges::any_of(children, [&](size_t i) { return pid(i) != 0; }); };
  for (const size_t i : children) {
    children_[i].wanted = false;
    if (pid(i) != 0) ::kill(pid(i), SIGTERM);
  }
  const auto deadline = Clock::now() + patience;
  for (reap(); running() && Clock::now() < deadline; reap()) signals_.wait(Milliseconds(20));
  for (const size_t i : children) {
    if (pid(i) == 0) continue;
    notice_(children_[i].spec.name + " did not end in time and is killed");
    ::kill(pid(i), SIGKILL);
    ::waitpid(children_[i].pid, nullptr, 0);
    children_[i].pid = 0;
  }
}

}  // namespace icws::tools
