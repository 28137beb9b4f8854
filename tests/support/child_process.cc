#include "tests/support/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <future>
#include <system_error>
#include <thread>

extern char** environ;

namespace icws::support {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  void reset(int fd) {
    close();
    fd_ = fd;
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail(errno, "cannot make a pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

// argv and envp, made before fork(): afterwards nothing may allocate.
struct Command {
  explicit Command(const ChildOptions& options) : program(options.program.string()) {
    texts.push_back(program);
    texts.insert(texts.end(), options.arguments.begin(), options.arguments.end());
    arguments = pointers(texts);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string text = *entry;
      if (!options.environment.contains(text.substr(0, text.find('=')))) settings.push_back(text);
    }
    for (const auto& [name, value] : options.environment) settings.push_back(name + "=" + value);
    environment = pointers(settings);
    if (options.working_directory) directory = options.working_directory->string();
  }

  static std::vector<char*> pointers(std::vector<std::string>& from) {
    std::vector<char*> out;
    for (auto& text : from) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  }

  std::string program;
  std::string directory;
  std::vector<std::string> texts, settings;
  std::vector<char*> arguments, environment;
};

// In the child: becomes the program, or reports errno. Only async-signal-safe calls.
[[noreturn]] void become(const Command& command, pid_t parent, int input, int output, int errors,
                         int report) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const bool ready = ::getppid() == parent && ::dup2(input, 0) == 0 && ::dup2(output, 1) == 1 &&
                     ::dup2(errors, 2) == 2 &&
                     (command.directory.empty() || ::chdir(command.directory.c_str()) == 0);
  // Sockets of the test's own servers must not live on in the child: their ends would go unnoticed.
  if (ready && ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0) {
    ::execvpe(command.program.c_str(), command.arguments.data(), command.environment.data());
  }
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

std::optional<std::string> find_line(const std::string& text, const std::string& wanted) {
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string line = text.substr(begin, end - begin);
    if (line.find(wanted) != std::string::npos) return line;
  }
  return std::nullopt;
}

}  // namespace

// The child is forked and reaped by the thread, since PR_SET_PDEATHSIG counts the thread that forked as the
// parent.
class ChildProcess::Impl {
 public:
  explicit Impl(const ChildOptions& options) : command_(options) {
    std::promise<int> started;
    auto error = started.get_future();
    thread_ = std::thread([this, &started] { run(started); });
    if (const int code = error.get(); code != 0) {
      thread_.join();
      fail(code, "cannot run " + command_.program);
    }
  }

  ~Impl() {
    kill(SIGKILL);
    thread_.join();
  }

  pid_t pid() const { return pid_; }

  void kill(int signal) {
    const std::lock_guard lock(reaping_);
    if (!reaped_) ::kill(pid_, signal);
  }

  struct State {
    std::string output;
    std::string errors;
    std::optional<ChildExit> exit;
  };
  Watched<State> state;

 private:
  void run(std::promise<int>& started) {
    // The promise is on the constructor's stack: not touched after it is set.
    if (const int error = start(); error != 0) return started.set_value(error);
    started.set_value(0);
    collect();
    reap();
  }

  // Returns 0 or errno.
  int start() {
    Pipe report;
    const FileDescriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) return errno;
    if (pid_ == 0) {
      become(command_, parent, input.get(), output_.write_end.get(), errors_.write_end.get(),
             report.write_end.get());
    }
    report.write_end.close();
    output_.write_end.close();
    errors_.write_end.close();
    int error = 0;
    if (::read(report.read_end.get(), &error, sizeof error) > 0) {
      ::waitpid(pid_, nullptr, 0);
      return error;
    }
    return 0;
  }

  // Until the child has ended; a grandchild that holds the pipes is not waited for.
  void collect() {
    // Not pidfd_open(): the header of glibc 2.36 declares it as a C++ function.
    const FileDescriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    ::fcntl(output_.read_end.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(errors_.read_end.get(), F_SETFL, O_NONBLOCK);
    bool running = true;
    while (running) {
      std::array<pollfd, 3> waited{{{process.get(), POLLIN, 0},
                                    {output_.read_end.get(), POLLIN, 0},
                                    {errors_.read_end.get(), POLLIN, 0}}};
      ::poll(waited.data(), waited.size(), -1);
      running = waited[0].revents == 0;
      drain(output_.read_end, &State::output);
      drain(errors_.read_end, &State::errors);
    }
  }

  void drain(FileDescriptor& from, std::string State::* into) {
    std::array<char, 65536> buffer;
    while (from.get() >= 0) {
      const ssize_t size = ::read(from.get(), buffer.data(), buffer.size());
      if (size < 0) return;
      if (size == 0) return from.close();
      state.update([&](State& s) { (s.*into).append(buffer.data(), static_cast<size_t>(size)); });
    }
  }

  void reap() {
    int status = 0;
    {
      const std::lock_guard lock(reaping_);
      ::waitpid(pid_, &status, 0);
      reaped_ = true;
    }
    ChildExit exit;
    if (WIFEXITED(status)) exit.status = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
    state.update([&](State& s) { s.exit = exit; });
  }

  Command command_;
  Pipe output_;
  Pipe errors_;
  pid_t pid_ = -1;
  std::mutex reaping_;
  bool reaped_ = false;
  std::thread thread_;
};

ChildProcess::ChildProcess(ChildOptions options) : impl_(std::make_unique<Impl>(options)) {}
ChildProcess::~ChildProcess() = default;
pid_t ChildProcess::pid() const { return impl_->pid(); }
void ChildProcess::kill(int signal) { impl_->kill(signal); }
std::string ChildProcess::output() const { return impl_->state.get().output; }
std::string ChildProcess::errors() const { return impl_->state.get().errors; }

std::optional<ChildExit> ChildProcess::wait_exit(std::chrono::milliseconds deadline) {
  if (!impl_->state.wait_until([](const auto& state) { return state.exit.has_value(); }, deadline)) return {};
  return impl_->state.get().exit;
}

std::optional<std::string> ChildProcess::wait_for_output(const std::string& text,
                                                         std::chrono::milliseconds deadline) const {
  std::optional<std::string> line;
  const auto ended_or_found = [&](const Impl::State& state) {
    line = find_line(state.output, text);
    return line || state.exit;
  };
  return impl_->state.wait_until(ended_or_found, deadline) ? line : std::nullopt;
}

std::optional<std::string> ChildProcess::wait_for_errors(const std::string& text,
                                                         std::chrono::milliseconds deadline) const {
  std::optional<std::string> line;
  const auto ended_or_found = [&](const Impl::State& state) {
    line = find_line(state.errors, text);
    return line || state.exit;
  };
  return impl_->state.wait_until(ended_or_found, deadline) ? line : std::nullopt;
}

std::filesystem::path built_program(const std::string& name) {
  if (const char* folder = std::getenv("ICWS_BIN")) return std::filesystem::path(folder) / name;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin" / name;
}

std::filesystem::path source_file(const std::string& relative) {
  const char* folder = std::getenv("ICWS_SOURCE");
  return std::filesystem::path(folder != nullptr ? folder : ICWS_SOURCE_FOLDER) / relative;
}

std::optional<uint16_t> wait_for_port(const ChildProcess& child, std::chrono::milliseconds deadline) {
  static const std::string kAnnouncement = "listening on 127.0.0.1:";
  const auto line = child.wait_for_output(kAnnouncement, deadline);
  if (!line) return std::nullopt;
  const std::string number = line->substr(line->find(kAnnouncement) + kAnnouncement.size());
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  if (error != std::errc() || end == number.data()) return std::nullopt;
  return port;
}

}  // namespace icws::support
