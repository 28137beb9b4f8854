// What is said to a proxy before the connection through it can be used.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "adapter/failure.h"
#include "adapter/proxy_address.h"
#include "base/bytes.h"

namespace icws::adapter {

// Where the proxy shall connect to.
struct ProxyTarget {
  // A name, or an address (IPv6 without brackets).
  std::string host;
  bool is_literal = false;
  uint16_t port = 0;
};

// What: one side of a proxy's handshake, without I/O. Send output(), feed() what comes, until done() or a
// failure.
// Thread-safety: none. After a failure: nothing more.
// Errors: causes as if the connection had been direct (ConnectionRefused, Connection, NameResolution,
// Timeout), where the proxy says so; Connection for a proxy that refuses or breaks its protocol. Answers are
// limited: 262 bytes for SOCKS5 (its longest reply), ResponseLimits for CONNECT. A server speaks second in
// TLS and in WebSocket, so bytes behind the answer are a failure.
class ProxyHandshake {
 public:
  virtual ~ProxyHandshake() = default;
  // What is to be sent now; empty if it is the proxy's turn.
  Bytes output() { return std::exchange(output_, {}); }
  virtual std::optional<Failure> feed(BytesView input) = 0;
  bool done() const { return done_; }

 protected:
  Bytes output_;
  bool done_ = false;
};

// RFC 1928 with the methods "none" and, given a user, "user and password" (RFC 1929).
std::unique_ptr<ProxyHandshake> make_socks5_handshake(const ProxyAddress& proxy, const ProxyTarget& target);
// RFC 9110, section 9.3.6; Basic credentials (RFC 7617), given a user.
std::unique_ptr<ProxyHandshake> make_connect_handshake(const ProxyAddress& proxy, const ProxyTarget& target);

inline std::unique_ptr<ProxyHandshake> make_proxy_handshake(const ProxyAddress& proxy,
                                                            const ProxyTarget& target) {
  return proxy.kind == ProxyKind::kSocks5 ? make_socks5_handshake(proxy, target)
                                          : make_connect_handshake(proxy, target);
}

}  // namespace icws::adapter
