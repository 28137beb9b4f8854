// The adapter as a whole.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>

#include "adapter/config_parse.h"
#include "adapter/systemd.h"

namespace icws::adapter {

// What a supervisor gives and wants; by default there is none.
struct Supervision {
  PassedSockets sockets;
  // Called by the I/O thread so often: a loop that is stuck is noticed.
  std::optional<Milliseconds> alive_interval;
  std::function<void()> alive;
  // Called, from another thread, if stop() does not come to its end in time; must not return.
  std::function<void()> stuck;
};

// What: puts the parts together and runs them: one I/O thread for all sockets, gRPC's own threads.
// Thread-safety: one owner. Ownership: owns everything.
// Errors: construction throws std::runtime_error with a sentence for the operator.
// The process must ignore SIGPIPE (TLS writes with write(2)).
class Daemon {
 public:
  // Precondition: `config` is one that load_config() gave.
  explicit Daemon(const AdapterConfig& config, Supervision supervision = {});
  // Calls stop().
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Takes over what may change while it runs; connections stay. With faults, or if a file cannot be read,
  // everything stays as it was. Logs and counts what came of it. Not after stop().
  void reload(const std::expected<AdapterConfig, ConfigFaults>& loaded);

  // Closes all connections with 1001, waits until they have ended or stop_timeout, ends the event stream and
  // gRPC. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::adapter
