// Sockets that local processes connect to.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

namespace icws::adapter {

// "127.0.0.1:9100" or "[::1]:9100"; port 0 lets the system choose. Errors: a sentence for the operator;
// addresses that other machines can reach are refused.
std::expected<boost::asio::ip::tcp::endpoint, std::string> parse_loopback(std::string_view text);

// What: listens on a Unix socket, on a loopback address or on a descriptor that systemd passed, and hands
// over who connects. When the process has no descriptors left it pauses, instead of asking at once again.
// Thread-safety: the I/O thread, or any while that does not run yet.
// Ownership: owns the descriptor, and the path that it made. close() ends accepting; the handler is not
// called any more once it returns. Errors: construction throws std::runtime_error with a sentence.
class Listener {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Handler = std::function<void(Socket)>;

  // Of a path nobody listens on, what is left of a killed process is removed.
  static Listener at_path(boost::asio::io_context& io, const std::string& path);
  static Listener at_loopback(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& endpoint);
  // A stream socket that listens.
  static Listener of_descriptor(boost::asio::io_context& io, int descriptor);

  Listener(Listener&&) = default;
  ~Listener();

  // Once. `handler` must not close() this.
  void accept(Handler handler);
  void close();
  // The path, or address and port.
  const std::string& address() const { return address_; }

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

  explicit Listener(boost::asio::io_context& io) : acceptor_(io), pause_(io) {}
  void next();

  Acceptor acceptor_;
  boost::asio::steady_timer pause_;
  Handler handler_;
  std::string address_;
  // Empty: not ours to remove.
  std::string made_path_;
};

}  // namespace icws::adapter
