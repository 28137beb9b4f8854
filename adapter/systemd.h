// What systemd and a service tell each other: sockets that were passed, and notes on its state. The protocols
// are a few environment variables and datagrams (sd_listen_fds(3), sd_notify(3)): no library for that.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace icws::adapter {

// Descriptors that listen; -1: not passed.
struct PassedSockets {
  int grpc = -1;
  int metrics = -1;
};

// The environment's variables that matter here; empty where there is none.
struct SystemdEnvironment {
  std::string listen_pid;
  std::string listen_fds;
  std::string listen_fdnames;
  std::string notify_socket;
  std::string watchdog_usec;
  std::string watchdog_pid;
};

// Reads the variables and removes them, so that no child takes them for its own. Not while threads run.
SystemdEnvironment take_systemd_environment();

// The sockets by their names (FileDescriptorName=): "grpc" and "metrics". Unnamed ones count in this order.
// Sets close-on-exec on those that were passed to `pid`, this process. Errors: a sentence: an unknown name,
// one twice, too many.
std::expected<PassedSockets, std::string> passed_sockets(const SystemdEnvironment& environment, long pid);

// How often the watchdog is to be told; nothing: there is none, or it is another process's.
std::optional<std::chrono::milliseconds> watchdog_interval(const SystemdEnvironment& environment, long pid);

// What: tells systemd how the service is. Thread-safety: all methods from any thread. Without a socket, or if
// nobody listens there, nothing happens.
class SystemdNotifier {
 public:
  explicit SystemdNotifier(std::string socket) : socket_(std::move(socket)) {}

  void ready() const { send("READY=1"); }
  // Until the next ready().
  void reloading() const;
  void stopping() const { send("STOPPING=1"); }
  void alive() const { send("WATCHDOG=1"); }

 private:
  void send(std::string_view state) const;

  const std::string socket_;
};

}  // namespace icws::adapter
