// From a URL to a connected, checked and, for wss, verified byte stream.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "adapter/config.h"
#include "adapter/dialer.h"
#include "adapter/egress_policy.h"
#include "adapter/failure.h"
#include "adapter/metrics.h"
#include "adapter/open_limiter.h"
#include "adapter/proxy_address.h"
#include "adapter/stream.h"
#include "adapter/tls_context.h"
#include "adapter/watchdog.h"
#include "base/prng.h"
#include "ws/url.h"

namespace icws::adapter {

struct ConnectRequest {
  ws::Url url;
  // For whom.
  std::string canister;
  // That came with the request, beside those of the settings.
  std::vector<ProxyAddress> proxies;
};

struct Connected {
  std::unique_ptr<Stream> stream;
  // At the server's address; empty through a proxy.
  OpenLimiter::Place place;
};

// What: judges the URL's name and port, connects directly, and if the network does not let that through, by
// at most two proxies in random order; then shakes hands for TLS, with the server itself in any case.
// One try; retries are its caller's.
// Thread-safety: none; the I/O thread. Ownership: refers to parts that must outlive it.
// Errors: AddressDenied before anything is sent; if the direct way and the proxies fail, the direct way's
// failure, since that is what the other replicas are likely to report as well.
class Connector {
 public:
  using Result = std::expected<Connected, Failure>;

  // `seed`: of the order of proxies.
  Connector(const AdapterConfig& config, const EgressPolicy& policy, Dialer& dialer, TlsContext& tls,
            Metrics& metrics, uint64_t seed);

  // Of the operator's settings, from now on; texts that parse.
  void set_proxies(const std::vector<std::string>& texts);

  boost::asio::awaitable<Result> connect(const ConnectRequest& request, Watchdog& watchdog);

 private:
  boost::asio::awaitable<std::expected<Dialed, Failure>> dial(const ConnectRequest& request,
                                                              Watchdog& watchdog);
  boost::asio::awaitable<std::expected<Dialed, Failure>> dial_proxy(const ProxyAddress& proxy,
                                                                    const ConnectRequest& request,
                                                                    Watchdog& watchdog);
  boost::asio::awaitable<std::expected<Dialed, Failure>> dial_proxies(const ConnectRequest& request,
                                                                      Failure direct, Watchdog& watchdog);
  boost::asio::awaitable<Result> secure(Dialed dialed, const ws::Url& url, Watchdog& watchdog);

  const AdapterConfig& config_;
  const EgressPolicy& policy_;
  Dialer& dialer_;
  TlsContext& tls_;
  Metrics& metrics_;
  Prng prng_;
  std::vector<ProxyAddress> proxies_;
};

}  // namespace icws::adapter
