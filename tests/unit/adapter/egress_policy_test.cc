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

EgressPolicy policy_of(const EgressRules& rules) {
  auto policy = EgressPolicy::make(rules);
  EXPECT_TRUE(policy);
  return policy.value_or(EgressPolicy());
}

TEST(EgressPolicy, AllowsWhatTheOperatorAdds) {
  EgressRules rules;
  rules.allow_networks = {"127.0.0.0/8", "fd00::/8"};
  const auto policy = policy_of(rules);
  EXPECT_TRUE(allowed(policy, "127.255.255.255"));
  EXPECT_TRUE(allowed(policy, "::ffff:127.0.0.1"));
  EXPECT_TRUE(allowed(policy, "fd12::1"));
  EXPECT_FALSE(allowed(policy, "fe12::1"));
  EXPECT_FALSE(allowed(policy, "10.0.0.1"));
  // An exception for an IPv4 network opens no way to it through a translator.
  EXPECT_FALSE(allowed(policy, "64:ff9b::127.0.0.1"));
}

TEST(EgressPolicy, DeniesWhatTheOperatorDenies) {
  EgressRules rules;
  rules.allow_networks = {"10.0.0.0/8", "2600::/16"};
  rules.deny_networks = {"10.1.0.0/16", "8.8.8.0/24", "2600:1::/32"};
  const auto policy = policy_of(rules);
  EXPECT_TRUE(allowed(policy, "10.0.255.255"));
  EXPECT_FALSE(allowed(policy, "10.1.0.0"));
  EXPECT_FALSE(allowed(policy, "10.1.255.255"));
  EXPECT_TRUE(allowed(policy, "10.2.0.0"));
  EXPECT_FALSE(allowed(policy, "8.8.8.8"));
  EXPECT_FALSE(allowed(policy, "::ffff:8.8.8.8"));
  EXPECT_FALSE(allowed(policy, "64:ff9b::8.8.8.8"));
  EXPECT_FALSE(allowed(policy, "2600:1:ffff::1"));
  EXPECT_TRUE(allowed(policy, "2600:2::1"));
}

TEST(EgressPolicy, OpensAMetadataServiceOnlyByItself) {
  EgressRules wide;
  wide.allow_networks = {"169.254.0.0/16", "fd00::/8", "168.63.0.0/16"};
  const auto policy = policy_of(wide);
  EXPECT_TRUE(allowed(policy, "169.254.169.253"));
  EXPECT_FALSE(allowed(policy, "169.254.169.254"));
  EXPECT_FALSE(allowed(policy, "::ffff:169.254.169.254"));
  EXPECT_FALSE(allowed(policy, "fd00:ec2::254"));
  EXPECT_FALSE(allowed(policy, "168.63.129.16"));
  EgressRules exact;
  exact.allow_networks = {"169.254.169.254/32", "fd00:ec2::254/128"};
  EXPECT_TRUE(allowed(policy_of(exact), "169.254.169.254"));
  EXPECT_TRUE(allowed(policy_of(exact), "fd00:ec2::254"));
}

bool destination(const EgressPolicy& policy, const std::string& host, uint16_t port = 443) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return policy.check_destination(host, !error, port).has_value();
}

TEST(EgressPolicy, JudgesLiteralsWithoutALookUp) {
  const EgressPolicy policy;
  EXPECT_TRUE(destination(policy, "8.8.8.8"));
  EXPECT_FALSE(destination(policy, "10.0.0.1"));
  EXPECT_FALSE(destination(policy, "::1"));
  EXPECT_TRUE(destination(policy, "10.example.com"));
}

TEST(EgressPolicy, KnowsNamesAndSuffixes) {
  EgressRules rules;
  rules.deny_names = {"Bad.example.com", "*.evil.example"};
  const auto denying = policy_of(rules);
  EXPECT_FALSE(destination(denying, "bad.example.com"));
  EXPECT_TRUE(destination(denying, "sub.bad.example.com"));
  EXPECT_FALSE(destination(denying, "a.evil.example"));
  EXPECT_FALSE(destination(denying, "a.b.evil.example"));
  EXPECT_TRUE(destination(denying, "evil.example"));
  EXPECT_TRUE(destination(denying, "notevil.example"));
  EXPECT_TRUE(destination(denying, "1.1.1.1"));

  rules.allow_names = {"*.example.com"};
  rules.allow_networks = {"192.168.1.0/24"};
  const auto allowing = policy_of(rules);
  EXPECT_TRUE(destination(allowing, "good.example.com"));
  EXPECT_FALSE(destination(allowing, "bad.example.com"));
  EXPECT_FALSE(destination(allowing, "example.com"));
  EXPECT_FALSE(destination(allowing, "good.example.org"));
  // With a list of names an address must be in a list, too.
  EXPECT_FALSE(destination(allowing, "1.1.1.1"));
  EXPECT_TRUE(destination(allowing, "192.168.1.7"));
}

TEST(EgressPolicy, KnowsPorts) {
  const EgressPolicy policy;
  for (const uint16_t port : {22, 25, 53, 110, 143, 389, 465, 587, 6000, 6667, 10080}) {
    EXPECT_FALSE(destination(policy, "example.com", port)) << port;
    EXPECT_FALSE(destination(policy, "8.8.8.8", port)) << port;
  }
  for (const uint16_t port : {80, 443, 5001, 8080, 8443, 9443, 65'535}) {
    EXPECT_TRUE(destination(policy, "example.com", port)) << port;
  }
  EgressRules rules;
  rules.allow_ports = {"25", "6000-6063"};
  rules.deny_ports = {"6063", "1024-5000"};
  const auto changed = policy_of(rules);
  EXPECT_TRUE(destination(changed, "example.com", 25));
  EXPECT_TRUE(destination(changed, "example.com", 6000));
  EXPECT_FALSE(destination(changed, "example.com", 6063));
  EXPECT_TRUE(destination(changed, "example.com", 1023));
  EXPECT_FALSE(destination(changed, "example.com", 1024));
  EXPECT_FALSE(destination(changed, "example.com", 5000));
  EXPECT_TRUE(destination(changed, "example.com", 5001));
}

TEST(EgressPolicy, HandsNoLocalNameToAProxy) {
  const EgressPolicy policy;
  for (const char* host : {"localhost", "intranet", "a.localhost", "metadata.google.internal",
                           "printer.local", "x.home.arpa", "db.corp"}) {
    EXPECT_FALSE(policy.check_remote_name(host)) << host;
  }
  for (const char* host : {"example.com", "internal.example.com", "notlocal.com", "mylocal.de"}) {
    EXPECT_TRUE(policy.check_remote_name(host)) << host;
  }
  EgressRules rules;
  rules.allow_names = {"*", "*.corp"};
  EXPECT_TRUE(policy_of(rules).check_remote_name("db.corp"));
  EXPECT_FALSE(policy_of(rules).check_remote_name("db.internal"));
}

TEST(EgressPolicy, NamesAllFaultsAtOnce) {
  EgressRules rules;
  rules.allow_networks = {"10.0.0.0/33", "10.0.0.0/8"};
  rules.deny_networks = {"10.0.0", ""};
  rules.allow_names = {"10.0.0.1", "a..b", "*.*.c"};
  rules.deny_names = {".a", "good.example"};
  rules.allow_ports = {"0", "65536", "1-0", "80"};
  rules.deny_ports = {"x", "1-", "-1"};
  const auto policy = EgressPolicy::make(rules);
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().size(), 1U + 2 + 3 + 1 + 3 + 3);
  EXPECT_EQ(policy.error()[0].find("allow_networks: "), 0U);
}

}  // namespace
}  // namespace icws::adapter
