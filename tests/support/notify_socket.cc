#include "tests/support/notify_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "tests/support/waiting.h"

namespace icws::support {

NotifySocket::NotifySocket() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
  const timeval deadline{std::chrono::duration_cast<std::chrono::seconds>(kTestDeadline).count(), 0};
  const bool good = socket_ >= 0 &&
                    ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) == 0;
  if (!good) {
    const std::error_code error(errno, std::generic_category());
    if (socket_ >= 0) ::close(socket_);
    throw std::system_error(error, "cannot listen on " + path());
  }
}

NotifySocket::~NotifySocket() { ::close(socket_); }

bool NotifySocket::wait(std::string_view begin) const {
  std::array<char, 256> buffer;
  while (true) {
    const auto size = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (size < 0) return false;
    if (std::string_view(buffer.data(), static_cast<size_t>(size)).starts_with(begin)) return true;
  }
}

}  // namespace icws::support
