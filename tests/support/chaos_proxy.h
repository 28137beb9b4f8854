// A TCP proxy that misbehaves on command: delay, stall, cut, reset, refuse. Takes the place of `tc netem`.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/waiting.h"

namespace icws::support {

enum class Direction { kToServer, kToClient };

struct ProxyProgress {
  size_t accepted = 0;           // connections ever
  size_t open = 0;               // connections now
  uint64_t to_server_bytes = 0;  // forwarded
  uint64_t to_client_bytes = 0;
};

// What: forwards 127.0.0.1:port() to 127.0.0.1:server_port. Thread-safety: all methods from any thread; each
// has taken effect when it returns. Ownership: owns thread and sockets; the destructor closes them. Errors:
// construction throws std::system_error; a server that refuses closes the client.
class ChaosProxy {
 public:
  explicit ChaosProxy(uint16_t server_port);
  ~ChaosProxy();

  uint16_t port() const;
  // Bytes that arrive from now on wait this long; for open and later connections.
  void set_delay(Direction direction, std::chrono::milliseconds delay);
  // Stops forwarding (and reading) while connections stay open; resume() undoes both directions.
  void stall(Direction direction);
  void resume();
  // Ends all open connections with FIN, on both sides.
  void cut();
  // Ends all open connections with RST, on both sides.
  void reset();
  // While true, new connections are closed at once.
  void refuse(bool refuse);
  const Watched<ProxyProgress>& progress() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::support
