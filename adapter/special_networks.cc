#include "adapter/special_networks.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace icws::adapter {
namespace {

namespace ip = boost::asio::ip;

constexpr uint32_t v4(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return (a << 24) | (b << 16) | (c << 8) | d;
}

constexpr SpecialNetworkV4 kSpecialV4[] = {
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
};

constexpr bool within(uint32_t address, const SpecialNetworkV4& network) {
  return (address ^ network.base) >> (32 - network.prefix) == 0;
}

struct SpecialNetworkV6 {
  std::array<uint8_t, 6> base;
  unsigned prefix;
  std::string_view name;
};

// Within 2000::/3; all that lies outside is denied anyway. 2002::/16 and Teredo (in 2001::/23) carry IPv4.
constexpr SpecialNetworkV6 kSpecialV6[] = {
    {{0x20, 0x01, 0x00}, 23, "protocol assignments 2001::/23"},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, "documentation 2001:db8::/32"},
    {{0x20, 0x02}, 16, "6to4 2002::/16"},
    {{0x3f, 0xff, 0x00}, 20, "documentation 3fff::/20"},
};

using BytesV6 = ip::address_v6::bytes_type;

bool has_prefix(const BytesV6& address, std::span<const uint8_t> base, unsigned bits) {
  for (unsigned i = 0; i < bits; i += 8) {
    const unsigned rest = std::min(8U, bits - i);
    if ((address[i / 8] ^ base[i / 8]) >> (8 - rest) != 0) return false;
  }
  return true;
}

constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<uint8_t, 12> kNat64{0x00, 0x64, 0xff, 0x9b};
// Leaves the place of the IPv4 address to the operator of the translator (RFC 8215).
constexpr std::array<uint8_t, 6> kLocalNat64{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01};
constexpr std::array<uint8_t, 4> kTeredo{0x20, 0x01, 0x00, 0x00};
constexpr std::array<uint8_t, 2> k6to4{0x20, 0x02};

uint32_t read_v4(const BytesV6& address, size_t offset) {
  return v4(address[offset], address[offset + 1], address[offset + 2], address[offset + 3]);
}

std::optional<std::string> special_v4(const ip::address_v4& address) {
  const auto* found =
      std::ranges::find_if(kSpecialV4, [&](const auto& net) { return within(address.to_uint(), net); });
  if (found == std::end(kSpecialV4)) return std::nullopt;
  return std::string(found->name);
}

std::optional<std::string> special_v6(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  if (has_prefix(bytes, kLocalNat64, 48)) return "local NAT64 64:ff9b:1::/48";
  if (const auto inner = embedded_v4(address)) {
    if (auto name = special_v4(*inner)) return *name + " inside an IPv6 address";
    if (address.is_v4_mapped() || has_prefix(bytes, kNat64, 96)) return std::nullopt;
  }
  if ((bytes[0] & 0xe0) != 0x20) return "outside global unicast 2000::/3";
  for (const auto& network : kSpecialV6) {
    if (has_prefix(bytes, network.base, network.prefix)) return std::string(network.name);
  }
  return std::nullopt;
}

// 168.63.129.16 is in a globally routed network, but answered inside Azure.
constexpr std::string_view kMetadataServices[] = {"169.254.169.254", "169.254.170.2", "168.63.129.16",
                                                  "100.100.100.200", "192.0.0.192",   "fd00:ec2::254",
                                                  "fd20:ce::254"};

}  // namespace

std::span<const SpecialNetworkV4> special_networks_v4() { return kSpecialV4; }

std::optional<ip::address_v4> embedded_v4(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  if (has_prefix(bytes, kMapped, 96) || has_prefix(bytes, kNat64, 96)) {
    return ip::address_v4(read_v4(bytes, 12));
  }
  if (has_prefix(bytes, k6to4, 16)) return ip::address_v4(read_v4(bytes, 2));
  // Teredo hides the client's address by inversion (RFC 4380, section 4).
  if (has_prefix(bytes, kTeredo, 32)) return ip::address_v4(~read_v4(bytes, 12));
  return std::nullopt;
}

std::optional<std::string> special_network(const ip::address& address) {
  return address.is_v4() ? special_v4(address.to_v4()) : special_v6(address.to_v6());
}

std::optional<std::string> metadata_service(const ip::address& address) {
  ip::address judged = address;
  if (address.is_v6()) {
    if (const auto inner = embedded_v4(address.to_v6())) judged = *inner;
  }
  static const auto services = [] {
    std::array<ip::address, std::size(kMetadataServices)> out;
    std::ranges::transform(kMetadataServices, out.begin(), [](auto text) { return ip::make_address(text); });
    return out;
  }();
  const auto found = std::ranges::find(services, judged);
  if (found == services.end()) return std::nullopt;
  return "metadata service " + judged.to_string();
}

}  // namespace icws::adapter
