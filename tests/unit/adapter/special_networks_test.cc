// The whole IPv4 space and the IPv6 registry, against tables that were written from IANA's registries and not
// from the code: iana-ipv4-special-registry, iana-ipv6-special-registry (2025), multicast (RFC 5771).
#include "adapter/special_networks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <map>
#include <string>
#include <vector>

#include "adapter/egress_policy.h"
#include "base/prng.h"

namespace icws::adapter {
namespace {

namespace ip = boost::asio::ip;

// Rows with "Globally Reachable: False", and the two True rows inside 192.0.0.0/24, which the policy denies
// with the block around them.
constexpr const char* kUnreachableV4[] = {
    "0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32",
    "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32",
    // Multicast.
    "224.0.0.0/4"};
// "Globally Reachable: True".
constexpr const char* kReachableV4[] = {"192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24"};

struct Interval {
  uint64_t first;
  uint64_t end;
  auto operator<=>(const Interval&) const = default;
};

Interval interval_of(uint32_t base, unsigned prefix) {
  return {base, uint64_t{base} + (uint64_t{1} << (32 - prefix))};
}

Interval interval_of(const char* cidr) {
  const auto network = ip::make_network_v4(cidr);
  return interval_of(network.network().to_uint(), network.prefix_length());
}

// Sorted, without overlaps and without neighbours that touch: equal sets have equal unions.
std::vector<Interval> union_of(std::vector<Interval> all) {
  std::ranges::sort(all);
  std::vector<Interval> out;
  for (const auto& one : all) {
    if (!out.empty() && one.first <= out.back().end) {
      out.back().end = std::max(out.back().end, one.end);
    } else {
      out.push_back(one);
    }
  }
  return out;
}

std::vector<Interval> registry() {
  std::vector<Interval> out;
  for (const auto* cidr : kUnreachableV4) out.push_back(interval_of(cidr));
  return union_of(std::move(out));
}

bool inside(const std::vector<Interval>& intervals, uint64_t address) {
  auto after = std::ranges::upper_bound(intervals, address, {}, &Interval::first);
  return after != intervals.begin() && address < std::prev(after)->end;
}

// All 2^32 addresses: the two tables are the same set.
TEST(SpecialNetworksV4, AreTheRegistryAsASet) {
  std::vector<Interval> implemented;
  for (const auto& network : special_networks_v4()) {
    implemented.push_back(interval_of(network.base, network.prefix));
  }
  EXPECT_EQ(union_of(std::move(implemented)), registry());
}

// The verdict, not the table: one address of each of the 2^24 networks of 256, and all addresses of those in
// which a row of the registry or an exception begins or ends.
TEST(SpecialNetworksV4, AreDeniedEverywhere) {
  const EgressPolicy policy;
  const auto expected = registry();
  const auto metadata = ip::make_address_v4("168.63.129.16").to_uint();
  uint64_t wrong = 0;
  const auto judge = [&](uint32_t address) {
    const bool denied = !policy.check(ip::address_v4(address)).has_value();
    if (denied != (inside(expected, address) || address == metadata)) ++wrong;
  };
  for (uint64_t block = 0; block < (1U << 24); ++block) {
    judge(static_cast<uint32_t>((block << 8) | ((block * 167) & 0xff)));
  }
  std::vector<uint64_t> edges = {metadata};
  const auto add_edges = [&](const Interval& interval) {
    for (const uint64_t edge : {interval.first, interval.end}) {
      edges.push_back(edge);
      if (edge > 0) edges.push_back(edge - 1);
    }
  };
  for (const auto* cidr : kUnreachableV4) add_edges(interval_of(cidr));
  for (const auto* cidr : kReachableV4) add_edges(interval_of(cidr));
  for (const uint64_t edge : edges) {
    for (uint64_t address = edge & ~0xffULL; address <= (edge | 0xff); ++address) {
      if (address < (1ULL << 32)) judge(static_cast<uint32_t>(address));
    }
  }
  EXPECT_EQ(wrong, 0U);
}

TEST(SpecialNetworksV4, LeaveOutWhatIsGloballyReachable) {
  for (const auto* cidr : kReachableV4) {
    const auto network = ip::make_network_v4(cidr);
    EXPECT_FALSE(special_network(network.network())) << cidr;
    EXPECT_FALSE(special_network(network.broadcast())) << cidr;
  }
}

// --- IPv6: a reference that works on strings of 128 digits.

std::string bits_of(const ip::address_v6& address) {
  std::string out;
  for (const uint8_t byte : address.to_bytes()) out += std::bitset<8>(byte).to_string();
  return out;
}

ip::address_v6 address_of(const std::string& bits) {
  ip::address_v6::bytes_type bytes{};
  for (size_t i = 0; i < 16; ++i) {
    bytes[i] = static_cast<uint8_t>(std::bitset<8>(bits.substr(i * 8, 8)).to_ulong());
  }
  return ip::address_v6(bytes);
}

std::string prefix_of(const std::string& cidr) {
  const size_t slash = cidr.find('/');
  const auto address = ip::make_address_v6(cidr.substr(0, slash));
  return bits_of(address).substr(0, std::stoul(cidr.substr(slash + 1)));
}

// All rows of the registry, whatever their columns say: addresses around each are tried.
constexpr const char* kRegistryV6[] = {
    "::1/128",        "::/128",      "::ffff:0:0/96",     "64:ff9b::/96",  "64:ff9b:1::/48", "100::/64",
    "100:0:0:1::/64", "2001::/23",   "2001::/32",         "2001:1::1/128", "2001:1::2/128",  "2001:1::3/128",
    "2001:2::/48",    "2001:3::/32", "2001:4:112::/48",   "2001:10::/28",  "2001:20::/28",   "2001:30::/28",
    "2001:db8::/32",  "2002::/16",   "2620:4f:8000::/48", "3fff::/20",     "5f00::/16",      "fc00::/7",
    "fe80::/10",      "fec0::/10",   "ff00::/8",          "2000::/3"};

// What the policy says it allows: 2000::/3 without these, and the two plain translations of IPv4.
constexpr const char* kTakenOut[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};

bool expected_special(const ip::address_v6& address) {
  const std::string bits = bits_of(address);
  const auto in = [&](const char* cidr) { return bits.starts_with(prefix_of(cidr)); };
  if (in("::ffff:0:0/96") || in("64:ff9b::/96")) {
    return inside(registry(), std::bitset<32>(bits.substr(96)).to_ulong());
  }
  if (!in("2000::/3")) return true;
  return std::ranges::any_of(kTakenOut, in);
}

std::string random_bits(Prng& prng, size_t count) {
  std::string out;
  while (out.size() < count) out += std::bitset<64>(prng.next()).to_string();
  return out.substr(0, count);
}

void judge_v6(const std::string& bits) {
  const auto address = address_of(bits);
  ASSERT_EQ(special_network(address).has_value(), expected_special(address)) << address;
}

TEST(SpecialNetworksV6, AreDeniedAroundEveryRow) {
  Prng prng(1);
  for (const auto* cidr : kRegistryV6) {
    const std::string prefix = prefix_of(cidr);
    const size_t rest = 128 - prefix.size();
    judge_v6(prefix + std::string(rest, '0'));
    judge_v6(prefix + std::string(rest, '1'));
    for (int i = 0; i < 500; ++i) judge_v6(prefix + random_bits(prng, rest));
    // Neighbours: each bit of the prefix turned.
    for (size_t turned = 0; turned < prefix.size(); ++turned) {
      std::string other = prefix;
      other[turned] = other[turned] == '0' ? '1' : '0';
      judge_v6(other + std::string(rest, '0'));
      judge_v6(other + std::string(rest, '1'));
      judge_v6(other + random_bits(prng, rest));
    }
  }
}

TEST(SpecialNetworksV6, AreDeniedAtRandom) {
  Prng prng(2);
  for (int i = 0; i < 5'000; ++i) judge_v6(random_bits(prng, 128));
  for (int i = 0; i < 5'000; ++i) judge_v6("001" + random_bits(prng, 125));
}

// Every row of the IPv4 registry inside every way to carry it, its edges and beyond them.
TEST(SpecialNetworksV6, JudgeWhatTheyCarry) {
  const auto expected = registry();
  for (const auto& interval : expected) {
    for (const uint64_t address : {interval.first - 1, interval.first, interval.end - 1, interval.end}) {
      if (address >= (1ULL << 32)) continue;
      const auto inner = ip::address_v4(static_cast<uint32_t>(address));
      const bool special = inside(expected, address);
      const std::string bits = std::bitset<32>(address).to_string();
      const std::string inverted = std::bitset<32>(~address & 0xffffffffULL).to_string();
      const std::string zeros(64, '0');
      const auto mapped = address_of(prefix_of("::ffff:0:0/96") + bits);
      const auto nat64 = address_of(prefix_of("64:ff9b::/96") + bits);
      EXPECT_EQ(embedded_v4(mapped), inner);
      EXPECT_EQ(embedded_v4(nat64), inner);
      EXPECT_EQ(special_network(mapped).has_value(), special) << mapped;
      EXPECT_EQ(special_network(nat64).has_value(), special) << nat64;
      // These two are denied in any case; the inner address is named.
      const auto six_to_four = address_of("0010000000000010" + bits + zeros + std::string(16, '0'));
      const auto teredo = address_of(prefix_of("2001::/32") + zeros + inverted);
      EXPECT_EQ(embedded_v4(six_to_four), inner);
      EXPECT_EQ(embedded_v4(teredo), inner);
      for (const auto& carrier : {six_to_four, teredo}) {
        const auto name = special_network(carrier);
        ASSERT_TRUE(name) << carrier;
        EXPECT_EQ(name->ends_with("inside an IPv6 address"), special) << *name;
      }
    }
  }
}

}  // namespace
}  // namespace icws::adapter
