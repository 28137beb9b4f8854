#include "tests/support/local_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace icws::support {
namespace {

int connect_to(const sockaddr* address, socklen_t size) {
  const int descriptor = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval deadline{20, 0};
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  if (descriptor >= 0 && ::connect(descriptor, address, size) == 0) return descriptor;
  const std::error_code error(errno, std::generic_category());
  ::close(descriptor);
  throw std::system_error(error, "cannot connect");
}

int connect_to(const std::string& address) {
  if (address.starts_with('/')) {
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::strncpy(path.sun_path, address.c_str(), sizeof path.sun_path - 1);
    return connect_to(reinterpret_cast<const sockaddr*>(&path), sizeof path);
  }
  sockaddr_in loopback{};
  loopback.sin_family = AF_INET;
  loopback.sin_port = htons(static_cast<uint16_t>(std::stoul(address.substr(address.rfind(':') + 1))));
  loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect_to(reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback);
}

}  // namespace

LocalClient::LocalClient(const std::string& address) : socket_(connect_to(address)) {}

LocalClient::~LocalClient() { ::close(socket_); }

void LocalClient::send(BytesView bytes) { (void)!::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

Bytes LocalClient::read_all() {
  Bytes out;
  std::array<char, 16384> buffer;
  while (true) {
    const ssize_t size = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (size <= 0) return out;
    out.append(buffer.data(), static_cast<size_t>(size));
  }
}

std::string http_get(const std::string& address, const std::string& target) {
  LocalClient client(address);
  client.send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  return client.read_all();
}

std::string http_body(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  return end == std::string::npos ? "" : answer.substr(end + 4);
}

}  // namespace icws::support
