// The adapter as a whole.
#pragma once

#include <memory>

#include "adapter/config.h"

namespace icws::adapter {

// What: puts the parts together and runs them: one I/O thread for all sockets, gRPC's own threads.
// Thread-safety: one owner. Ownership: owns everything.
// Errors: construction throws std::runtime_error with a sentence for the operator.
// The process must ignore SIGPIPE (TLS writes with write(2)).
class Daemon {
 public:
  // Precondition: validate(config) found nothing.
  explicit Daemon(const AdapterConfig& config);
  // Calls stop().
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Closes all connections with 1001, waits until they have ended or stop_timeout, ends the event stream and
  // gRPC. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::adapter
