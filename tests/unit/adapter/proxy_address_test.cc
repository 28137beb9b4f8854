#include "adapter/proxy_address.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace icws::adapter {
namespace {

TEST(ProxyAddress, ReadsItsForms) {
  const auto socks = parse_proxy("socks5h://proxy.example:1080");
  ASSERT_TRUE(socks);
  EXPECT_EQ(socks->kind, ProxyKind::kSocks5);
  EXPECT_EQ(socks->host, "proxy.example");
  EXPECT_EQ(socks->port, 1080);
  EXPECT_FALSE(socks->is_literal);
  EXPECT_TRUE(socks->user.empty());
  const auto http = parse_proxy("http://me:p%40ss%3A@[2600::1]:3128/");
  ASSERT_TRUE(http);
  EXPECT_EQ(http->kind, ProxyKind::kConnect);
  EXPECT_EQ(http->host, "2600::1");
  EXPECT_TRUE(http->is_literal);
  EXPECT_EQ(http->user, "me");
  EXPECT_EQ(http->password, "p@ss:");
  // 80 is ws's own port, and yet given.
  EXPECT_EQ(parse_proxy("http://proxy.example:80")->port, 80);
}

TEST(ProxyAddress, HidesItsPassword) {
  const auto proxy = parse_proxy("socks5h://me:secret@[2600::1]:1080");
  ASSERT_TRUE(proxy);
  EXPECT_EQ(proxy->text(), "socks5h://[2600::1]:1080");
}

TEST(ProxyAddress, RefusesWhatIsNone) {
  const std::string long_name(256, 'a');
  for (const std::string text : {"",
                                 "socks5h://",
                                 "socks5h://host",
                                 "socks5h://[2600::1]",
                                 "socks5h://host:0",
                                 "socks5h://host:65536",
                                 "socks5://host:1080",
                                 "socks4://host:1080",
                                 "https://host:443",
                                 "http://host:80/path",
                                 "http://host:80?query",
                                 "http://user@host:80",
                                 "http://user:@host:80",
                                 "http://:password@host:80",
                                 "http://a%zz:b@host:80",
                                 "http://a%3a:b@host:80",
                                 "http://a%4:b@host:80",
                                 "http://ho st:80",
                                 "http://010.0.0.1:80",
                                 "http://host:80:81"}) {
    const auto fault = proxy_fault(text);
    EXPECT_TRUE(fault) << text;
  }
  EXPECT_TRUE(proxy_fault("http://" + long_name + ":b@host:80"));
  EXPECT_TRUE(proxy_fault("http://b:" + long_name + "@host:80"));
  EXPECT_FALSE(proxy_fault("http://b:" + long_name.substr(1) + "@host:80"));
  // What is wrong is said without the text, which may have a password.
  EXPECT_EQ(proxy_fault("http://me:secret@host")->find("secret"), std::string::npos);
}

std::vector<ProxyAddress> proxies(size_t count) {
  std::vector<ProxyAddress> out(count);
  for (size_t i = 0; i < count; ++i) out[i].port = static_cast<uint16_t>(i + 1);
  return out;
}

TEST(ChooseProxies, TakesTwoAtMostAndEachAsOften) {
  Prng prng(3);
  std::map<uint16_t, int> first, second;
  for (int i = 0; i < 5'000; ++i) {
    const auto chosen = choose_proxies(proxies(3), proxies(5), prng);
    ASSERT_EQ(chosen.size(), 2U);
    ++first[chosen[0].port];
    ++second[chosen[1].port];
  }
  EXPECT_EQ(first.size(), 5U);
  // Ports 1 to 3 are in both lists.
  EXPECT_NEAR(first[1], 1'250, 150);
  EXPECT_NEAR(first[4], 625, 100);
  EXPECT_NEAR(second[5], 625, 100);
}

TEST(ChooseProxies, TakesEachOnce) {
  Prng prng(4);
  EXPECT_TRUE(choose_proxies({}, {}, prng).empty());
  EXPECT_EQ(choose_proxies(proxies(1), {}, prng).size(), 1U);
  for (int i = 0; i < 100; ++i) {
    const auto chosen = choose_proxies({}, proxies(2), prng);
    ASSERT_NE(chosen[0].port, chosen[1].port);
  }
}

}  // namespace
}  // namespace icws::adapter
