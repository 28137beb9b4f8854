#include "tests/support/black_hole.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace icws::support {

BlackHole::BlackHole(const std::string& address, uint16_t port) {
  const bool v6 = address.contains(':');
  const int family = v6 ? AF_INET6 : AF_INET;
  // Both families' addresses have their port at the same place.
  sockaddr_in6 place{};
  auto* raw = reinterpret_cast<sockaddr*>(&place);
  auto* place_v4 = reinterpret_cast<sockaddr_in*>(&place);
  raw->sa_family = static_cast<sa_family_t>(family);
  place.sin6_port = htons(port);
  socklen_t size = v6 ? sizeof place : sizeof *place_v4;
  ::inet_pton(family, address.c_str(),
              v6 ? static_cast<void*>(&place.sin6_addr) : static_cast<void*>(&place_v4->sin_addr));
  listener_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  filler_ = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int only = 1;
  if (v6) ::setsockopt(listener_, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  // A queue of no length has room for one.
  const bool full = ::bind(listener_, raw, size) == 0 && ::listen(listener_, 0) == 0 &&
                    ::getsockname(listener_, raw, &size) == 0 && ::connect(filler_, raw, size) == 0;
  port_ = ntohs(place.sin6_port);
  if (full) return;
  const int error = errno;
  ::close(filler_);
  ::close(listener_);
  throw std::system_error(error, std::generic_category(), "no black hole at " + address);
}

BlackHole::~BlackHole() {
  ::close(filler_);
  ::close(listener_);
}

}  // namespace icws::support
