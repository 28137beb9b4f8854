// Which addresses the adapter may connect to.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace icws::adapter {

// What: denies every address that is not globally reachable (IANA's special-purpose registries), and the
// metadata services of clouds; addresses that carry an IPv4 address inside (mapped, NAT64, 6to4, Teredo) are
// judged by it as well. Networks that the operator allowed are exceptions.
// Thread-safety: const methods may be called from several threads. Pure: no I/O.
class EgressPolicy {
 public:
  EgressPolicy() = default;

  // Adds an exception, "10.1.0.0/16" or "fd00::/8". Errors: a sentence for the operator.
  std::expected<void, std::string> allow(std::string_view cidr);

  // Nothing, or the network's name that denies the address ("private network 10.0.0.0/8").
  std::expected<void, std::string> check(const boost::asio::ip::address& address) const;

 private:
  bool allowed(const boost::asio::ip::address& address) const;

  std::vector<boost::asio::ip::network_v4> allowed_v4_;
  std::vector<boost::asio::ip::network_v6> allowed_v6_;
};

}  // namespace icws::adapter
