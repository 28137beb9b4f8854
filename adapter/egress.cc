#include "adapter/egress.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "adapter/randomness.h"

namespace icws::adapter {
namespace {

// A canister whose names are slow leaves three quarters of the look-ups to others.
constexpr uint64_t kLookUpLanes = 4;

EgressPolicy make_policy(const AdapterConfig& config) {
  auto out = EgressPolicy::make({config.allow_networks, config.deny_networks, config.allow_names,
                                 config.deny_names, config.allow_ports, config.deny_ports});
  if (!out) throw std::runtime_error(out.error().front());
  return std::move(*out);
}

DnsSettings dns_settings(const AdapterConfig& config) {
  DnsSettings out;
  out.servers = config.dns_servers;
  out.look_ups_max = config.look_ups_max;
  out.look_ups_per_lane_max = std::max<uint64_t>(1, config.look_ups_max / kLookUpLanes);
  return out;
}

OpenLimits open_limits(const AdapterConfig& config) {
  OpenLimits out;
  out.connections_per_canister_max = config.connections_per_canister_max;
  out.connections_per_destination_max = config.connections_per_destination_max;
  out.opens_per_second_max = config.opens_per_second_max;
  out.opens_per_second_per_canister_max = config.opens_per_second_per_canister_max;
  out.opens_per_second_per_destination_max = config.opens_per_second_per_destination_max;
  out.open_wait = config.open_wait;
  return out;
}

ReceiveLimits receive_limits(const AdapterConfig& config) {
  return {config.receive_bytes_per_second_max, config.receive_bytes_per_second_per_canister_max};
}

TlsSettings tls_settings(const AdapterConfig& config) {
  return {config.ca_file, config.tls_destinations, config.tls_sessions};
}

}  // namespace

Egress::Egress(boost::asio::any_io_executor executor, const AdapterConfig& config, Metrics& metrics)
    : config_(config),
      policy_(make_policy(config)),
      resolver_(std::move(executor), dns_settings(config), metrics),
      limiter_(open_limits(config)),
      pacer_(receive_limits(config)),
      dialer_(config, policy_, resolver_, limiter_, metrics),
      tls_(tls_settings(config)),
      connector_(config, policy_, dialer_, tls_, metrics, random_number()) {}

void Egress::reload() {
  auto policy = make_policy(config_);
  tls_.reload(tls_settings(config_));
  policy_ = std::move(policy);
  limiter_.set_limits(open_limits(config_));
  pacer_.set_limits(receive_limits(config_));
  connector_.set_proxies(config_.proxies);
}

}  // namespace icws::adapter
