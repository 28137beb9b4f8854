// Addresses that are not on the public Internet.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace icws::adapter {

struct SpecialNetworkV4 {
  uint32_t base;
  unsigned prefix;
  std::string_view name;
};

// IPv4 networks that are not globally reachable: IANA's special-purpose registry, multicast, reserved. Of the
// registry's globally reachable rows two are denied (192.0.0.9/32 and .10/32: anycast of protocols that are
// no WebSocket), the AS112 ones allowed.
std::span<const SpecialNetworkV4> special_networks_v4();

// The name of the network that makes the address not globally reachable ("private network 10.0.0.0/8"), or
// nothing. IPv6 is allowed in 2000::/3 only, less what IANA's registry takes out; an address that carries an
// IPv4 address is judged by it as well.
std::optional<std::string> special_network(const boost::asio::ip::address& address);

// The metadata service of a cloud that answers on this address, or nothing.
std::optional<std::string> metadata_service(const boost::asio::ip::address& address);

// The IPv4 address that a packet to `address` finally goes to: of a mapped, NAT64, 6to4 or Teredo address.
std::optional<boost::asio::ip::address_v4> embedded_v4(const boost::asio::ip::address_v6& address);

}  // namespace icws::adapter
