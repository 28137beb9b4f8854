// An echo server for tests: ws or wss, with a subprotocol, a close after some messages, pushed messages.
#pragma once

#include <memory>
#include <string>

#include "tests/support/waiting.h"
#include "tests/support/websocket_server.h"

namespace icws::support {

struct EchoOptions {
  WebSocketServerOptions server;
  // After echoing this many messages of one client, close it; 0: never.
  size_t close_after_messages = 0;
  uint16_t close_code = 1000;
  std::string close_reason;
};

struct EchoProgress {
  size_t accepted = 0;  // clients ever
  size_t open = 0;      // clients now
  size_t offers = 0;    // clients ever that offered compression
  size_t messages = 0;  // received from all
};

// What: returns each message, text or binary, to its sender. Thread-safety: all methods from any thread.
// Ownership: owns thread and sockets; the destructor cuts them. Errors: construction and start() throw
// std::system_error.
class EchoServer {
 public:
  explicit EchoServer(EchoOptions options = {});
  ~EchoServer();

  uint16_t port() const;
  std::string url() const;
  void stop();
  void start();
  // Sends a text of the server's own to all clients.
  void push(Bytes text);
  void cut_all();
  void close_all(uint16_t code, std::string reason);
  const Watched<EchoProgress>& progress() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::support
