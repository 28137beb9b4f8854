// The adapter's way out, put together.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>

#include "adapter/config.h"
#include "adapter/connector.h"
#include "adapter/dialer.h"
#include "adapter/egress_policy.h"
#include "adapter/metrics.h"
#include "adapter/open_limiter.h"
#include "adapter/receive_pacer.h"
#include "adapter/resolver.h"
#include "adapter/tls_context.h"

namespace icws::adapter {

// What: policy, names, limits, TLS and connector, made from the settings.
// Thread-safety: none; the I/O thread. Ownership: refers to settings and metrics, which must outlive it.
// Errors: construction and reload() throw std::runtime_error: a file that cannot be read, no randomness.
class Egress {
 public:
  Egress(boost::asio::any_io_executor executor, const AdapterConfig& config, Metrics& metrics);

  // The settings have changed: policy, limits, TLS files and proxies are made anew, for opens from now on.
  // Not the resolver. After an error everything is as before.
  void reload();

  Connector& connector() { return connector_; }
  OpenLimiter& limiter() { return limiter_; }
  ReceivePacer& pacer() { return pacer_; }
  // Names being looked up or waiting for it.
  size_t look_ups() const { return resolver_.look_ups(); }

 private:
  const AdapterConfig& config_;
  EgressPolicy policy_;
  AresResolver resolver_;
  OpenLimiter limiter_;
  ReceivePacer pacer_;
  Dialer dialer_;
  TlsContext tls_;
  Connector connector_;
};

}  // namespace icws::adapter
