// From a name to a connected and checked TCP socket.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <expected>
#include <string>

#include "adapter/config.h"
#include "adapter/egress_policy.h"
#include "adapter/failure.h"
#include "adapter/metrics.h"
#include "adapter/open_limiter.h"
#include "adapter/resolver.h"
#include "adapter/watchdog.h"

namespace icws::adapter {

struct DialTarget {
  // A name or an address, as in ws::Url.
  std::string host;
  bool is_literal = false;
  uint16_t port = 0;
  // For whom, for fair look-ups.
  std::string canister;
  // The egress policy judges every address. False for a proxy of the operator's.
  bool judged = true;
  // Attempts and connections count against each address's own limits. Not for a literal, which its open has
  // counted, nor for proxies, which many connections share.
  bool counted = true;
};

struct Dialed {
  boost::asio::ip::tcp::socket socket;
  // At the address; empty if not counted.
  OpenLimiter::Place place;
};

// What: looks IPv6 and IPv4 addresses up at the same time and races connections to them (RFC 8305): every
// address is judged before it is tried, the connection goes to the literal, so that a second look-up cannot
// change it, and the peer is compared and judged again. The first to connect wins, the others are cancelled.
// One deadline over all: dns_timeout and connect_timeout; within it each for itself.
// Thread-safety: none; the I/O thread. Ownership: refers to parts that must outlive it.
// Errors: what the last way to get there said: an attempt's failure before a denial, that before a look-up's.
class Dialer {
 public:
  Dialer(const AdapterConfig& config, const EgressPolicy& policy, Resolver& resolver, OpenLimiter& limiter,
         Metrics& metrics)
      : config_(config), policy_(policy), resolver_(resolver), limiter_(limiter), metrics_(metrics) {}

  boost::asio::awaitable<std::expected<Dialed, Failure>> dial(DialTarget target, Watchdog& watchdog);

 private:
  const AdapterConfig& config_;
  const EgressPolicy& policy_;
  Resolver& resolver_;
  OpenLimiter& limiter_;
  Metrics& metrics_;
};

// "192.0.2.1:443", "[2600::1]:443": also the name of an address's limits.
std::string endpoint_text(const boost::asio::ip::address& address, uint16_t port);

}  // namespace icws::adapter
