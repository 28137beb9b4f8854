#include "ws/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace icws::ws {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;
using ::testing::Not;

void expect_url(BytesView text, const Url& expected) {
  const auto url = parse_url(text);
  ASSERT_TRUE(url) << text << ": " << url.error().message;
  EXPECT_EQ(url->secure, expected.secure) << text;
  EXPECT_EQ(url->host, expected.host) << text;
  EXPECT_EQ(url->is_literal, expected.is_literal) << text;
  EXPECT_EQ(url->port, expected.port) << text;
  EXPECT_EQ(url->target, expected.target) << text;
  EXPECT_EQ(url->host_header, expected.host_header) << text;
}

void expect_refused(BytesView text, UrlError code, const std::string& says = "") {
  const auto url = parse_url(text);
  ASSERT_FALSE(url) << text;
  EXPECT_EQ(static_cast<int>(url.error().code), static_cast<int>(code))
      << text << ": " << url.error().message;
  EXPECT_THAT(url.error().message, HasSubstr(says));
  EXPECT_LE(url.error().message.size(), 300u);
}

TEST(Url, TakesNames) {
  expect_url("ws://example.com", {false, "example.com", false, 80, "/", "example.com"});
  expect_url("wss://example.com/", {true, "example.com", false, 443, "/", "example.com"});
  expect_url("WSS://API.Example.COM:9443/Feed/v2?a=B&c=%20",
             {true, "api.example.com", false, 9443, "/Feed/v2?a=B&c=%20", "api.example.com:9443"});
  expect_url("ws://localhost:80/x", {false, "localhost", false, 80, "/x", "localhost"});
  expect_url("ws://localhost:443/x", {false, "localhost", false, 443, "/x", "localhost:443"});
  expect_url("wss://h?q", {true, "h", false, 443, "/?q", "h"});
  expect_url("wss://my_host-1.x/a//b/../c;d=1?x=/?",
             {true, "my_host-1.x", false, 443, "/a//b/../c;d=1?x=/?", "my_host-1.x"});
  expect_url("ws://1a.2b/", {false, "1a.2b", false, 80, "/", "1a.2b"});
}

TEST(Url, TakesLiteralAddresses) {
  expect_url("ws://127.0.0.1:9000/x", {false, "127.0.0.1", true, 9000, "/x", "127.0.0.1:9000"});
  expect_url("wss://255.255.255.255", {true, "255.255.255.255", true, 443, "/", "255.255.255.255"});
  expect_url("ws://[::1]/", {false, "::1", true, 80, "/", "[::1]"});
  expect_url("wss://[2001:DB8:0:0::0001]:8443/",
             {true, "2001:db8::1", true, 8443, "/", "[2001:db8::1]:8443"});
}

TEST(Url, WritesIpv6InOneForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},        {"1:0:2:3:4:5:6:7", "1::2:3:4:5:6:7"},
      {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},      {"0:0:0:0:0:0:0:0", "::"},
      {"::FFFF:127.0.0.1", "::ffff:127.0.0.1"}, {"::ffff:7f00:1", "::ffff:127.0.0.1"},
      {"64:ff9b::7f00:1", "64:ff9b::7f00:1"}};
  for (const auto& [written, canonical] : cases) {
    const auto url = parse_url("ws://["s + written + "]/");
    ASSERT_TRUE(url) << written;
    EXPECT_EQ(url->host, canonical);
  }
}

TEST(Url, RefusesWhatIsNoWebSocketUrl) {
  expect_refused("", UrlError::kEmpty, "ws://");
  expect_refused("example.com", UrlError::kScheme, "must begin with");
  expect_refused("http://example.com", UrlError::kScheme, "use ws://");
  expect_refused("https://example.com", UrlError::kScheme, "use wss://");
  expect_refused("ftp://example.com", UrlError::kScheme, "\"ftp://\"");
  expect_refused("ws:example.com", UrlError::kScheme);
  expect_refused("//example.com", UrlError::kScheme);
  expect_refused("/path://x", UrlError::kScheme);
}

TEST(Url, LimitsItsLength) {
  const std::string start = "ws://h/";
  EXPECT_TRUE(parse_url(start + std::string(kUrlBytesMax - start.size(), 'p')));
  expect_refused(start + std::string(kUrlBytesMax + 1 - start.size(), 'p'), UrlError::kTooLong,
                 "at most 8192");
}

TEST(Url, RefusesBytesThatAreNotPlainAscii) {
  for (int byte = 0; byte < 256; ++byte) {
    if (byte > ' ' && byte < 0x7F) continue;
    const Bytes text = "ws://h/a"s + static_cast<char>(byte) + "b";
    expect_refused(text, UrlError::kBadByte, "byte 9 of the URL");
  }
  expect_refused(
      "ws://b\xC3\xBC"
      "cher.example/",
      UrlError::kBadByte, "punycode");
  expect_refused(" ws://h/", UrlError::kBadByte, "byte 1");
  expect_refused("ws://h/\r\nHost: other", UrlError::kBadByte, "control byte");
}

TEST(Url, RefusesUserInfoAndDoesNotRepeatIt) {
  for (const char* text :
       {"ws://user@h/", "ws://user:secret@h/", "ws://@h/", "ws://good.example@127.0.0.1/"}) {
    expect_refused(text, UrlError::kUserInfo, "Authorization");
  }
  EXPECT_THAT(parse_url("ws://user:secret@h/").error().message, Not(HasSubstr("secret")));
  EXPECT_TRUE(parse_url("ws://h/@x?@y"));
}

TEST(Url, RefusesFragments) {
  for (const char* text : {"ws://h/#x", "ws://h#", "ws://h/?q#x", "ws://h#@other/"}) {
    expect_refused(text, UrlError::kFragment, "remove it");
  }
}

TEST(Url, RefusesBadHosts) {
  expect_refused("ws://", UrlError::kHost, "no host");
  expect_refused("ws:///path", UrlError::kHost, "no host");
  expect_refused("ws://?q", UrlError::kHost, "no host");
  expect_refused("ws://:80/", UrlError::kHost, "no host");
  expect_refused("ws://%65xample.com/", UrlError::kHost, "percent-encoding");
  expect_refused("ws://example.com./", UrlError::kHost, "trailing dots");
  expect_refused("ws://.example.com/", UrlError::kHost);
  expect_refused("ws://a..b/", UrlError::kHost);
  expect_refused("ws://a!b/", UrlError::kHost, "character");
  expect_refused("ws://a,b/", UrlError::kHost);
  expect_refused("ws://h\\a/", UrlError::kHost);
  expect_refused("ws://" + std::string(64, 'a') + ".example/", UrlError::kHost, "63 bytes");
  EXPECT_TRUE(parse_url("ws://" + std::string(63, 'a') + ".example/"));
  std::string name = "a";
  while (name.size() < 253) name += ".a";
  ASSERT_EQ(name.size(), 253u);
  EXPECT_TRUE(parse_url("ws://" + name));
  expect_refused("ws://b" + name, UrlError::kHost, "253 bytes");
}

TEST(Url, RefusesAddressesInOtherForms) {
  for (const char* host :
       {"127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "256.0.0.1",
        "1.2.3.4.5", "1.2.3.0x4", "00.0.0.0", "1.2.3.4000000000000", "0x", "a.1"}) {
    expect_refused("ws://"s + host + "/", UrlError::kAddress, "IPv4");
  }
  for (const char* host : {"[::1%25eth0]", "[fe80::1%eth0]", "[::1%25]"}) {
    expect_refused("ws://"s + host + "/", UrlError::kHost, "zone id");
  }
  for (const char* host :
       {"[]", "[:::1]", "[::g]", "[1.2.3.4]", "[1:2:3:4:5:6:7:8:9]", "[::1", "[v1.x]", "[::0127.0.0.1]"}) {
    expect_refused("ws://"s + host + "/", UrlError::kAddress);
  }
}

TEST(Url, RefusesBadPorts) {
  EXPECT_EQ(parse_url("ws://h:1/")->port, 1);
  EXPECT_EQ(parse_url("ws://h:65535/")->port, 65'535);
  for (const char* port : {"0", "65536", "99999999999", "080", "00", ""}) {
    expect_refused("ws://h:"s + port + "/", UrlError::kPort, "1 to 65535");
  }
  expect_refused("ws://h:/", UrlError::kPort, "colon");
  for (const char* text :
       {"ws://::1/", "ws://2001:db8::1/", "ws://h:80:80/", "ws://[::1]x/", "ws://[::1].2/"}) {
    expect_refused(text, UrlError::kAddress, "2001:db8::1");
  }
  for (const char* port : {"x", "-1", "+1", "8 0", "80x"})
    EXPECT_FALSE(parse_url("ws://h:"s + port + "/")) << port;
}

TEST(Url, RefusesWhatRfc3986Refuses) {
  for (const char* text : {"ws://h/a|b", "ws://h/%", "ws://h/%zz", "ws://h/a\\b", "ws://h/{x}", "ws://h/a^b",
                           "ws://h/<x>", "ws://h/\"", "ws://h?[x]^"}) {
    expect_refused(text, UrlError::kSyntax, "RFC 3986");
  }
}

}  // namespace
}  // namespace icws::ws
