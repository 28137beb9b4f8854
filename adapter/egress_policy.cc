#include "adapter/egress_policy.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace icws::adapter {
namespace {

namespace ip = boost::asio::ip;

struct DeniedV4 {
  uint32_t base;
  unsigned prefix;
  std::string_view name;
};

constexpr uint32_t v4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return (a << 24) | (b << 16) | (c << 8) | d;
}

constexpr DeniedV4 kDeniedV4[] = {
    {v4(0, 0, 0, 0), 8, "\"this\" network 0.0.0.0/8"},
    {v4(10, 0, 0, 0), 8, "private network 10.0.0.0/8"},
    {v4(100, 64, 0, 0), 10, "shared address space 100.64.0.0/10"},
    {v4(127, 0, 0, 0), 8, "loopback 127.0.0.0/8"},
    {v4(169, 254, 0, 0), 16, "link local 169.254.0.0/16"},
    {v4(172, 16, 0, 0), 12, "private network 172.16.0.0/12"},
    {v4(192, 0, 0, 0), 24, "protocol assignments 192.0.0.0/24"},
    {v4(192, 0, 2, 0), 24, "documentation 192.0.2.0/24"},
    {v4(192, 88, 99, 0), 24, "6to4 relay 192.88.99.0/24"},
    {v4(192, 168, 0, 0), 16, "private network 192.168.0.0/16"},
    {v4(198, 18, 0, 0), 15, "benchmarking 198.18.0.0/15"},
    {v4(198, 51, 100, 0), 24, "documentation 198.51.100.0/24"},
    {v4(203, 0, 113, 0), 24, "documentation 203.0.113.0/24"},
    {v4(224, 0, 0, 0), 4, "multicast 224.0.0.0/4"},
    {v4(240, 0, 0, 0), 4, "reserved 240.0.0.0/4"},
    // Globally routed, but answered inside a cloud by its metadata service.
    {v4(168, 63, 129, 16), 32, "metadata service 168.63.129.16"},
};

constexpr bool within(uint32_t address, const DeniedV4& network) {
  return (address ^ network.base) >> (32 - network.prefix) == 0;
}

const DeniedV4* denied_v4(uint32_t address) {
  const auto* found = std::ranges::find_if(kDeniedV4, [&](const auto& net) { return within(address, net); });
  return found == std::end(kDeniedV4) ? nullptr : found;
}

struct DeniedV6 {
  std::array<uint8_t, 6> base;
  unsigned prefix;
  std::string_view name;
};

// Within 2000::/3; all that lies outside is denied anyway. 2002::/16 and Teredo (in 2001::/23) carry IPv4.
constexpr DeniedV6 kDeniedV6[] = {
    {{0x20, 0x01, 0x00}, 23, "protocol assignments 2001::/23"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation 2001:db8::/32"},
    {{0x20, 0x02}, 16, "6to4 2002::/16"},
    {{0x3f, 0xff, 0x00}, 20, "documentation 3fff::/20"},
};

bool has_prefix(const ip::address_v6::bytes_type& address, std::span<const uint8_t> base, unsigned bits) {
  for (unsigned i = 0; i < bits; i += 8) {
    const unsigned rest = std::min(8U, bits - i);
    if ((address[i / 8] ^ base[i / 8]) >> (8 - rest) != 0) return false;
  }
  return true;
}

uint32_t read_v4(const ip::address_v6::bytes_type& address, size_t offset) {
  return v4(address[offset], address[offset + 1], address[offset + 2], address[offset + 3]);
}

// The IPv4 address that a packet to `address` finally goes to.
std::optional<uint32_t> inner_v4(const ip::address_v6::bytes_type& address) {
  constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<uint8_t, 12> kNat64{0x00, 0x64, 0xff, 0x9b};
  constexpr std::array<uint8_t, 12> kTeredo{0x20, 0x01};
  constexpr std::array<uint8_t, 12> k6to4{0x20, 0x02};
  if (has_prefix(address, kMapped, 96) || has_prefix(address, kNat64, 96)) return read_v4(address, 12);
  if (has_prefix(address, k6to4, 16)) return read_v4(address, 2);
  // Teredo hides the client's address by inversion (RFC 4380, section 4).
  if (has_prefix(address, kTeredo, 32)) return ~read_v4(address, 12);
  return std::nullopt;
}

// 64:ff9b:1::/48 leaves the place of the IPv4 address to the operator of the translator.
bool local_nat64(const ip::address_v6::bytes_type& address) {
  constexpr std::array<uint8_t, 6> kLocalNat64{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
  return has_prefix(address, kLocalNat64, 48);
}

bool plain_mapping(const ip::address_v6::bytes_type& address) {
  constexpr std::array<uint8_t, 12> kNat64{0x00, 0x64, 0xff, 0x9b};
  return ip::make_address_v6(address).is_v4_mapped() || has_prefix(address, kNat64, 96);
}

std::expected<void, std::string> check_v4(uint32_t address) {
  if (const auto* network = denied_v4(address)) return std::unexpected(std::string(network->name));
  return {};
}

std::expected<void, std::string> check_v6(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  if (local_nat64(bytes)) return std::unexpected("local NAT64 64:ff9b:1::/48");
  if (const auto inner = inner_v4(bytes)) {
    if (auto verdict = check_v4(*inner); !verdict) {
      return std::unexpected(verdict.error() + " inside an IPv6 address");
    }
    if (plain_mapping(bytes)) return {};
  }
  if ((bytes[0] & 0xe0) != 0x20) return std::unexpected("outside global unicast 2000::/3");
  for (const auto& network : kDeniedV6) {
    if (has_prefix(bytes, network.base, network.prefix)) return std::unexpected(std::string(network.name));
  }
  return {};
}

template <class Network>
bool contains(const Network& network, const auto& address) {
  return Network(address, network.prefix_length()).network() == network.network();
}

}  // namespace

std::expected<void, std::string> EgressPolicy::allow(std::string_view cidr) {
  const std::string text(cidr);
  boost::system::error_code error;
  if (const auto network = ip::make_network_v4(text, error); !error) {
    allowed_v4_.push_back(network.canonical());
    return {};
  }
  if (const auto network = ip::make_network_v6(text, error); !error) {
    allowed_v6_.push_back(network.canonical());
    return {};
  }
  return std::unexpected("\"" + text + "\" is not a network like 10.1.0.0/16 or fd00::/8");
}

bool EgressPolicy::allowed(const ip::address& address) const {
  if (address.is_v4()) {
    return std::ranges::any_of(allowed_v4_,
                               [&](const auto& network) { return contains(network, address.to_v4()); });
  }
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return allowed(ip::make_address_v4(ip::v4_mapped, v6));
  return std::ranges::any_of(allowed_v6_, [&](const auto& network) { return contains(network, v6); });
}

std::expected<void, std::string> EgressPolicy::check(const ip::address& address) const {
  if (allowed(address)) return {};
  if (address.is_v4()) return check_v4(address.to_v4().to_uint());
  return check_v6(address.to_v6());
}

}  // namespace icws::adapter
