// What servers that block have in common: a listener, and a thread for each connection.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "tests/support/waiting.h"

namespace icws::support {

// What: accepts connections and serves each on a thread of its own. Thread-safety: all methods from any
// thread. Ownership: owns the threads, and what serves until its own end; the destructor interrupts and joins
// all. Errors: construction throws std::system_error.
class ConnectionThreads {
 public:
  // One connection; owns its socket.
  class Served {
   public:
    virtual ~Served() = default;
    virtual void run() = 0;
    // From another thread: ends run() soon, now and in future.
    virtual void interrupt() = 0;
  };
  // On the accepting thread. `stopping` is set before all are interrupted.
  using Serve = std::function<std::unique_ptr<Served>(int socket, const Event& stopping)>;

  // `address`: an IPv4 address of this machine.
  ConnectionThreads(const std::string& address, Serve serve);
  ~ConnectionThreads();

  uint16_t port() const { return port_; }

 private:
  struct Running {
    std::unique_ptr<Served> served;
    std::thread thread;
  };

  void accept();

  const Serve serve_;
  int listener_ = -1;
  uint16_t port_ = 0;
  Event stopping_;
  std::list<Running> running_;  // grown by the accepting thread; read by the destructor after it has ended
  std::thread thread_;
};

}  // namespace icws::support
