#include "adapter/listener.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using Generic = asio::generic::stream_protocol;
using Local = asio::local::stream_protocol;

// After a failed accept(), which is mostly a lack of descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::runtime_error failure(const std::string& what, const boost::system::error_code& error) {
  return std::runtime_error(what + ": " + error.message());
}

// A socket that nobody listens on is what a killed process left.
void remove_stale(asio::io_context& io, const std::string& path) {
  if (!fs::is_socket(fs::symlink_status(path))) return;
  Local::socket probe(io);
  boost::system::error_code error;
  probe.connect(Local::endpoint(path), error);
  if (!error) throw std::runtime_error("another process listens on " + path);
  fs::remove(path);
}

int socket_option(int descriptor, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

std::string name_of(const asio::ip::tcp::endpoint& endpoint) {
  const auto address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

// A generic endpoint's address, for people.
std::string name_of(const Generic::endpoint& endpoint) {
  if (endpoint.protocol().family() == AF_UNIX) {
    const auto* address = reinterpret_cast<const sockaddr_un*>(endpoint.data());
    const size_t size = endpoint.size() - std::min(endpoint.size(), offsetof(sockaddr_un, sun_path));
    return {address->sun_path, ::strnlen(address->sun_path, size)};
  }
  asio::ip::tcp::endpoint tcp;
  if (endpoint.size() > tcp.capacity()) return "unknown";
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  tcp.resize(endpoint.size());
  return name_of(tcp);
}

}  // namespace

std::expected<asio::ip::tcp::endpoint, std::string> parse_loopback(std::string_view text) {
  const auto wrong = [&] {
    return std::unexpected("\"" + std::string(text) +
                           "\" is not an address like 127.0.0.1:9100 or [::1]:9100");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong();
  }
  uint16_t port = 0;
  const auto parsed = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(std::string(host), error);
  if (error || parsed.ec != std::errc() || parsed.ptr != port_text.data() + port_text.size()) return wrong();
  if (!address.is_loopback())
    return std::unexpected("\"" + std::string(text) + "\" is not a loopback address");
  return asio::ip::tcp::endpoint(address, port);
}

Listener Listener::at_path(asio::io_context& io, const std::string& path) {
  remove_stale(io, path);
  Listener out(io);
  boost::system::error_code error;
  out.acceptor_.open(Generic(AF_UNIX, 0), error);
  if (!error) out.acceptor_.bind(Generic::endpoint(Local::endpoint(path)), error);
  if (error) throw failure("cannot make the socket " + path, error);
  out.made_path_ = out.address_ = path;
  out.acceptor_.listen(Acceptor::max_listen_connections, error);
  if (error) throw failure("cannot listen on " + path, error);
  return out;
}

Listener Listener::at_loopback(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint) {
  Listener out(io);
  boost::system::error_code error;
  out.acceptor_.open(Generic(endpoint.protocol().family(), IPPROTO_TCP), error);
  if (!error) out.acceptor_.set_option(Acceptor::reuse_address(true), error);
  if (!error) out.acceptor_.bind(Generic::endpoint(endpoint), error);
  if (!error) out.acceptor_.listen(Acceptor::max_listen_connections, error);
  if (error) throw failure("cannot listen on " + name_of(endpoint), error);
  out.address_ = name_of(out.acceptor_.local_endpoint());
  return out;
}

Listener Listener::of_descriptor(asio::io_context& io, int descriptor) {
  const auto what = "descriptor " + std::to_string(descriptor);
  if (socket_option(descriptor, SO_TYPE) != SOCK_STREAM || socket_option(descriptor, SO_ACCEPTCONN) != 1) {
    throw std::runtime_error(what + " is not a stream socket that listens");
  }
  Listener out(io);
  boost::system::error_code error;
  out.acceptor_.assign(Generic(socket_option(descriptor, SO_DOMAIN), 0), descriptor, error);
  if (error) throw failure("cannot use " + what, error);
  out.address_ = name_of(out.acceptor_.local_endpoint());
  return out;
}

Listener::~Listener() { close(); }

void Listener::accept(Handler handler) {
  handler_ = std::move(handler);
  next();
}

void Listener::next() {
  acceptor_.async_accept([this](const boost::system::error_code& error, Socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      handler_(std::move(socket));
      next();
      return;
    }
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) next();
    });
  });
}

void Listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  if (!made_path_.empty()) ::unlink(std::exchange(made_path_, {}).c_str());
}

}  // namespace icws::adapter
