// A TCP port of 127.0.0.1 that stays ours while a server is down.
#pragma once

#include <cstdint>

namespace icws::support {

// What: holds a port without listening on it: connecting is refused, the kernel gives the port to nobody
// else, and a server of this process may still listen on it (both sockets have SO_REUSEADDR). So a server can
// be restarted on its port, and a test has a port where surely nobody listens. Ownership: owns a socket.
// Errors: construction throws std::system_error.
class ReservedPort {
 public:
  // `wanted` 0: any free one.
  explicit ReservedPort(uint16_t wanted = 0);
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  uint16_t number() const { return number_; }

 private:
  int socket_;
  uint16_t number_ = 0;
};

}  // namespace icws::support
