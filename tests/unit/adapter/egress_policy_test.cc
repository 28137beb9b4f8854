#include "adapter/egress_policy.h"

#include <gtest/gtest.h>

namespace icws::adapter {
namespace {

bool allowed(const EgressPolicy& policy, const std::string& address) {
  return policy.check(boost::asio::ip::make_address(address)).has_value();
}

struct Edge {
  const char* before;  // nullptr: also denied, or none
  const char* first;
  const char* last;
  const char* after;
};

class EgressEdges : public testing::TestWithParam<Edge> {};

TEST_P(EgressEdges, DeniesTheNetworkAndNotItsNeighbours) {
  const EgressPolicy policy;
  const auto [before, first, last, after] = GetParam();
  EXPECT_FALSE(allowed(policy, first)) << first;
  EXPECT_FALSE(allowed(policy, last)) << last;
  if (before) {
    EXPECT_TRUE(allowed(policy, before)) << before;
  }
  if (after) {
    EXPECT_TRUE(allowed(policy, after)) << after;
  }
}

INSTANTIATE_TEST_SUITE_P(
    V4, EgressEdges,
    testing::Values(Edge{nullptr, "0.0.0.0", "0.255.255.255", "1.0.0.0"},
                    Edge{"9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
                    Edge{"100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
                    Edge{"126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
                    Edge{"169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
                    Edge{"172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
                    Edge{"191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
                    Edge{"192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
                    Edge{"192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
                    Edge{"192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
                    Edge{"198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
                    Edge{"198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
                    Edge{"203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
                    Edge{"223.255.255.255", "224.0.0.0", "255.255.255.255", nullptr},
                    Edge{"168.63.129.15", "168.63.129.16", "168.63.129.16", "168.63.129.17"},
                    Edge{nullptr, "100.100.100.200", "100.100.100.200", nullptr}));

INSTANTIATE_TEST_SUITE_P(
    V6, EgressEdges,
    testing::Values(Edge{nullptr, "::", "::1", nullptr}, Edge{nullptr, "1fff::", "1fff:ffff::", "2000::"},
                    Edge{"2000:ffff::", "2001::", "2001:1ff:ffff::", "2001:200::"},
                    Edge{"2001:db7:ffff::", "2001:db8::", "2001:db8:ffff::", "2001:db9::"},
                    Edge{"2001:ffff::", "2002::", "2002:ffff::", "2003::"},
                    Edge{"3ffe:ffff::", "3fff::", "3fff:fff:ffff::", "3fff:1000::"},
                    Edge{"3fff:ffff::", "4000::", "ffff::", nullptr},
                    Edge{nullptr, "fd00:ec2::254", "fe80::1", nullptr},
                    Edge{nullptr, "64:ff9b:1::", "64:ff9b:1:ffff::808:808", nullptr}));

TEST(EgressPolicy, JudgesTheAddressInside) {
  const EgressPolicy policy;
  EXPECT_TRUE(allowed(policy, "::ffff:8.8.8.8"));
  EXPECT_FALSE(allowed(policy, "::ffff:10.0.0.1"));
  EXPECT_TRUE(allowed(policy, "64:ff9b::8.8.8.8"));
  EXPECT_FALSE(allowed(policy, "64:ff9b::127.0.0.1"));
  EXPECT_NE(policy.check(boost::asio::ip::make_address("2002:7f00:1::")).error().find("127."),
            std::string::npos);
  // Teredo's client address is inverted: 80ff:fffe is 127.0.0.1.
  EXPECT_NE(policy.check(boost::asio::ip::make_address("2001::80ff:fffe")).error().find("127."),
            std::string::npos);
}

TEST(EgressPolicy, AllowsWhatTheOperatorAdds) {
  EgressPolicy policy;
  EXPECT_TRUE(policy.allow("127.0.0.0/8"));
  EXPECT_TRUE(policy.allow("fd00::/8"));
  EXPECT_TRUE(allowed(policy, "127.255.255.255"));
  EXPECT_TRUE(allowed(policy, "::ffff:127.0.0.1"));
  EXPECT_TRUE(allowed(policy, "fd12::1"));
  EXPECT_FALSE(allowed(policy, "fe12::1"));
  EXPECT_FALSE(allowed(policy, "128.0.0.1") && allowed(policy, "10.0.0.1"));
  EXPECT_FALSE(policy.allow("10.0.0.0/33"));
  EXPECT_FALSE(policy.allow("10.0.0"));
  EXPECT_FALSE(policy.allow(""));
}

}  // namespace
}  // namespace icws::adapter
