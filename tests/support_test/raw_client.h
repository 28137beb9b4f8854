// A blocking TCP client for tests of servers that misbehave.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "base/bytes.h"

namespace icws::support {

// What: one connection to 127.0.0.1. A read waits at most 20 s. Errors: the constructor throws
// std::system_error.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval deadline{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      const std::error_code error(errno, std::generic_category());
      ::close(socket_);
      throw std::system_error(error, "cannot connect");
    }
  }
  ~RawClient() { ::close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(BytesView bytes) { (void)!::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Empty at the end; error() then tells how it came: 0 is FIN.
  Bytes read_some() {
    std::array<char, 65536> buffer;
    const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), 0);
    error_ = size < 0 ? errno : 0;
    return size > 0 ? Bytes(buffer.data(), static_cast<size_t>(size)) : Bytes();
  }
  // At least `count` bytes, unless the end comes first.
  Bytes read(size_t count) {
    Bytes out;
    while (out.size() < count) {
      const Bytes more = read_some();
      if (more.empty()) return out;
      out += more;
    }
    return out;
  }
  int error() const { return error_; }

 private:
  int socket_;
  int error_ = 0;
};

}  // namespace icws::support
