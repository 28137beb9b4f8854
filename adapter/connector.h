// From a URL to a connected, checked and, for wss, verified byte stream.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <expected>
#include <memory>
#include <vector>

#include "adapter/config.h"
#include "adapter/egress_policy.h"
#include "adapter/failure.h"
#include "adapter/metrics.h"
#include "adapter/resolver.h"
#include "adapter/stream.h"
#include "adapter/watchdog.h"
#include "ws/url.h"

namespace icws::adapter {

using Connected = std::expected<std::unique_ptr<Stream>, Failure>;

// What: resolves, checks every address against the egress policy, connects to the allowed ones in turn (to
// the literal, so that a second look-up cannot change it), checks the peer again, and shakes hands for TLS.
// One try; retries are its caller's.
// Thread-safety: none; the I/O thread. Ownership: refers to parts that must outlive it.
class Connector {
 public:
  Connector(const AdapterConfig& config, const EgressPolicy& policy, Resolver& resolver,
            const TlsContext& tls, Metrics& metrics)
      : config_(config), policy_(policy), resolver_(resolver), tls_(tls), metrics_(metrics) {}

  boost::asio::awaitable<Connected> connect(const ws::Url& url, Watchdog& watchdog);

 private:
  using Address = boost::asio::ip::address;

  // The addresses that may be connected to, or AddressDenied.
  std::expected<std::vector<Address>, Failure> admit(const ws::Url& url,
                                                     const std::vector<Address>& addresses) const;
  boost::asio::awaitable<Connected> connect_to(const Address& address, const ws::Url& url,
                                               Watchdog& watchdog);
  boost::asio::awaitable<Connected> secure(boost::asio::ip::tcp::socket socket, const ws::Url& url,
                                           Watchdog& watchdog);

  const AdapterConfig& config_;
  const EgressPolicy& policy_;
  Resolver& resolver_;
  const TlsContext& tls_;
  Metrics& metrics_;
};

}  // namespace icws::adapter
