// A port that never lets a connection come about.
#pragma once

#include <cstdint>
#include <string>

namespace icws::support {

// What: a listener whose queue is full and that accepts nobody: the kernel leaves further SYNs unanswered.
// Ownership: owns its sockets. Errors: construction throws std::system_error, also where the machine does not
// have the address or the port is taken.
class BlackHole {
 public:
  // "127.0.0.1" or "::1"; `port` 0: any free one.
  explicit BlackHole(const std::string& address, uint16_t port = 0);
  ~BlackHole();
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;

  uint16_t port() const { return port_; }

 private:
  int listener_ = -1;
  // The queue's one connection.
  int filler_ = -1;
  uint16_t port_ = 0;
};

}  // namespace icws::support
