// A WebSocket server for tests, on Boost.Beast: an implementation independent of the client under test.
// Beast's headers are in websocket_server.cc only; they take half a minute to compile.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "tests/support/reserved_port.h"
#include "tests/support/test_certificates.h"

namespace icws::support {

// One accepted client, as a handler sees it. All methods on the server's thread only (in the handler's
// calls).
class WebSocketPeer {
 public:
  virtual ~WebSocketPeer() = default;
  // Path and query of the request, as sent.
  virtual const std::string& target() const = 0;
  // The client offered permessage-deflate.
  virtual bool offers_compression() const = 0;
  // Queued; written in order.
  virtual void send(Bytes message, bool binary) = 0;
  // Sends what is queued, then a Close frame.
  virtual void close(uint16_t code, std::string reason) = 0;
  // Closes the TCP connection without a Close frame, queued messages or not.
  virtual void cut() = 0;
  // Calls `on_timer` in `delay` from the last timer's end (or from now, if there was none).
  virtual void arm_timer(std::chrono::microseconds delay) = 0;
};

// What is done with clients. All calls come from the server's one thread, none after WebSocketServer::stop().
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void on_open(WebSocketPeer&) {}
  virtual void on_message(WebSocketPeer&, const Bytes&, bool /*binary*/) {}
  // Everything queued has been handed to the kernel: the moment to queue more, so that a slow reader is felt.
  virtual void on_sent(WebSocketPeer&) {}
  virtual void on_timer(WebSocketPeer&) {}
  // The last call for this peer. Not called for those that stop() cuts.
  virtual void on_closed(WebSocketPeer&) {}
};

// What the server accepts of permessage-deflate (RFC 7692), and what it asks for.
struct WebSocketCompression {
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  int server_max_window_bits = 15;
  int client_max_window_bits = 15;
};

struct WebSocketServerOptions {
  uint16_t port = 0;                      // 0: any free one
  std::optional<CertificateAndKey> tls;   // set: wss
  std::vector<std::string> subprotocols;  // understood; the client's first of these is chosen
  std::vector<std::pair<std::string, std::string>> response_headers;
  bool fragmented = false;  // messages above 4 KiB in several frames
  std::optional<WebSocketCompression> compression;
  size_t message_bytes_max = 64 << 20;
};

// What: listens on 127.0.0.1, accepts clients, answers pings and closes, passes messages to a handler.
// Thread-safety: all methods from any thread but the handler's. Ownership: borrows the handler, which must
// live until stop() or the destructor has returned; owns its thread and sockets. Errors: construction and
// start() throw std::system_error (port in use). After stop(), start() listens on the same port again.
class WebSocketServer {
 public:
  WebSocketServer(WebSocketHandler& handler, WebSocketServerOptions options);
  ~WebSocketServer();
  WebSocketServer(const WebSocketServer&) = delete;
  WebSocketServer& operator=(const WebSocketServer&) = delete;

  uint16_t port() const;
  // "ws://127.0.0.1:PORT", or "wss://localhost:PORT" with TLS.
  std::string url() const;
  // Cuts all connections, closes the port and ends the thread. Idempotent.
  void stop();
  void start();
  // Runs `task` on the server's thread, soon, with the peers that are open then. Dropped if the server is
  // stopped.
  void post(std::function<void(const std::vector<WebSocketPeer*>& open)> task);

 private:
  struct Run;
  WebSocketHandler& handler_;
  WebSocketServerOptions options_;
  ReservedPort port_;
  std::unique_ptr<Run> run_;
};

}  // namespace icws::support
