// Byte streams to a server, plain or TLS, as attempts that never block.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "adapter/failure.h"
#include "base/bytes.h"

namespace icws::adapter {

enum class IoWant : uint8_t { kNothing, kRead, kWrite };

// What one attempt came to: bytes, or what to wait for, or the end.
struct IoStep {
  size_t bytes = 0;
  IoWant want = IoWant::kNothing;
  // Of a read: it brought little, so that was all there is, and the next attempt would have to wait.
  bool drained = false;
  // The other side has sent all it will.
  bool ended = false;
  std::optional<Failure> failure;
};

// What: a connected, non-blocking TCP socket with or without TLS. The caller attempts, and if told so waits
// with wait_for(); so all connections of a thread share one read buffer, and an idle one holds none.
// Thread-safety: none; reading and writing may interleave on one thread.
// Ownership: owns the socket. After a failure: close() only.
class Stream {
 public:
  explicit Stream(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Repeated until it wants nothing. Plain streams are done at once.
  virtual IoStep try_handshake() = 0;
  IoStep try_read(char* data, size_t size) { return try_read({data, size}, {}); }
  // To `first`, and what finds no place there to `second`; in one call to the system, if that can be.
  virtual IoStep try_read(std::span<char> first, std::span<char> second) = 0;
  // May take only a part.
  virtual IoStep try_write(BytesView data) = 0;
  // Says that nothing more will be written (close_notify, FIN), as far as it goes without waiting.
  virtual void end_writing() = 0;

  boost::asio::ip::tcp::socket& socket() { return socket_; }
  // Ends every wait. Attempts fail from then on, and touch no descriptor.
  void close();
  // The TLS handshake resumed an earlier connection's session.
  virtual bool resumed() const { return false; }
  // False if the socket was closed or the wait cancelled.
  boost::asio::awaitable<bool> wait_for(IoWant want);
  // Calls `then` once, later: when the socket is ready, or was closed.
  void when_ready(IoWant want, std::function<void()> then);

 private:
  boost::asio::ip::tcp::socket socket_;
};

std::unique_ptr<Stream> make_plain_stream(boost::asio::ip::tcp::socket socket);

}  // namespace icws::adapter
