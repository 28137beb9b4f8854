#include "tests/support/connection_threads.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace icws::support {

ConnectionThreads::ConnectionThreads(const std::string& address, Serve serve) : serve_(std::move(serve)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  socklen_t size = sizeof place;
  auto* raw = reinterpret_cast<sockaddr*>(&place);
  if (listener_ < 0 || ::inet_pton(AF_INET, address.c_str(), &place.sin_addr) != 1 ||
      ::bind(listener_, raw, size) != 0 || ::listen(listener_, 128) != 0 ||
      ::getsockname(listener_, raw, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot listen on " + address);
  }
  port_ = ntohs(place.sin_port);
  thread_ = std::thread([this] { accept(); });
}

ConnectionThreads::~ConnectionThreads() {
  stopping_.set();
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  for (auto& one : running_) one.served->interrupt();
  for (auto& one : running_) one.thread.join();
}

void ConnectionThreads::accept() {
  while (true) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (stopping_.is_set()) {
      if (socket >= 0) ::close(socket);
      return;
    }
    if (socket < 0) continue;
    auto& running = running_.emplace_back(serve_(socket, stopping_));
    running.thread = std::thread([&served = *running.served] { served.run(); });
  }
}

}  // namespace icws::support
