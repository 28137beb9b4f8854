// An exchange for tests: serves recorded (or synthetic) streams to WebSocket clients, another to each.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/capture.h"
#include "tests/support/waiting.h"
#include "tests/support/websocket_server.h"

namespace icws::support {

struct ReplayOptions {
  // 1: recorded time; 10: ten times as fast; 0: as fast as the client reads.
  double speed = 0;
  // How many messages a client must send before its stream begins; by default as many as the recording has.
  std::optional<size_t> subscriptions_expected;
  // A client that takes a slot which was used before begins at the current stream time (the latest time that
  // any client was served) instead of at the stream's beginning: a late joiner.
  bool from_now = false;
  // After its last message a stream closes with 1000 instead of staying open.
  bool close_at_end = false;
  // No client is served its message number `hold_at` (0 is the first) or later until advance_to() raises it.
  size_t hold_at = SIZE_MAX;
  WebSocketServerOptions server;
};

struct ReplayProgress {
  size_t accepted = 0;              // clients ever
  size_t open = 0;                  // clients now
  std::map<size_t, size_t> next{};  // by slot: the number of the message that its latest client gets next
  std::map<size_t, size_t> subscriptions{};  // by slot: how many its latest client sent
};

// What: the server. A client gets stream (slot mod number of streams). Its slot is the N of `?client=N` in
// its URL; else the lowest that no open connection has: four replicas with one URL get four streams, and the
// one that comes back gets a free one. Pings are answered; what a client sends beyond its subscriptions is
// ignored. Thread-safety: all methods from any thread. Ownership: owns thread and sockets; the destructor
// cuts them. Errors: construction and start() throw std::system_error.
class ReplayServer {
 public:
  ReplayServer(std::vector<RecordedStream> streams, ReplayOptions options);
  ~ReplayServer();

  uint16_t port() const;
  std::string url() const;
  // Cuts all clients and closes the port; start() opens the same one. Slots used before count as used.
  void stop();
  void start();
  // Lets every stream run up to message number `count`.
  void advance_to(size_t count);
  // Cuts all clients, and goes on listening.
  void cut_all();
  // Closes all clients with a Close frame.
  void close_all(uint16_t code);
  const Watched<ReplayProgress>& progress() const;
  // Waits until `clients` slots have been served up to message number `count` (or to their streams' end).
  [[nodiscard]] bool wait_served(size_t clients, size_t count,
                                 std::chrono::milliseconds deadline = kTestDeadline) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::support
