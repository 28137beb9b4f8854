// Both proxy protocols byte by byte, without a socket.
#include "adapter/proxy_handshake.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace icws::adapter {
namespace {

using namespace std::string_literals;
using transcript::Cause;

ProxyAddress proxy_of(const char* text) { return parse_proxy(text).value(); }
ProxyTarget name_target() { return {"api.example.com", false, 443}; }

const Bytes kGranted = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"s;

TEST(Socks5, AsksForANameWithoutLookingItUp) {
  const auto handshake = make_socks5_handshake(proxy_of("socks5h://p:1"), name_target());
  EXPECT_EQ(handshake->output(), "\x05\x01\x00"s);
  EXPECT_EQ(handshake->output(), "");
  EXPECT_FALSE(handshake->feed("\x05\x00"s));
  EXPECT_EQ(handshake->output(), "\x05\x01\x00\x03\x0f"s + "api.example.com" + "\x01\xbb");
  EXPECT_FALSE(handshake->done());
  EXPECT_FALSE(handshake->feed(kGranted));
  EXPECT_TRUE(handshake->done());
}

TEST(Socks5, AsksForAddresses) {
  const auto request = [](ProxyTarget target) {
    const auto handshake = make_socks5_handshake(proxy_of("socks5h://p:1"), target);
    handshake->output();
    EXPECT_FALSE(handshake->feed("\x05\x00"s));
    return handshake->output();
  };
  EXPECT_EQ(request({"1.2.3.4", true, 80}), "\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50"s);
  EXPECT_EQ(request({"2600::1", true, 80}), "\x05\x01\x00\x04\x26\x00"s + Bytes(13, '\0') + "\x01\x00\x50"s);
}

TEST(Socks5, LogsIn) {
  const auto handshake = make_socks5_handshake(proxy_of("socks5h://me:secret@p:1"), name_target());
  EXPECT_EQ(handshake->output(), "\x05\x02\x00\x02"s);
  EXPECT_FALSE(handshake->feed("\x05\x02"s));
  EXPECT_EQ(handshake->output(), "\x01\x02me\x06secret"s);
  EXPECT_FALSE(handshake->feed("\x01\x00"s));
  EXPECT_FALSE(handshake->output().empty());
  EXPECT_FALSE(handshake->feed(kGranted));
  EXPECT_TRUE(handshake->done());
}

// The same whole, in pieces of every size: the outcome does not depend on where TCP cuts.
TEST(Socks5, TakesItsAnswersInAnyPieces) {
  for (const Bytes& reply :
       {kGranted, "\x05\x00\x00\x04"s + Bytes(18, '\1'), "\x05\x00\x00\x03\x02xy\x00\x50"s,
        "\x05\x00\x00\x03\xff"s + Bytes(257, 'x'), "\x05\x00\x00\x03\x00\x00\x50"s}) {
    const auto handshake = make_socks5_handshake(proxy_of("socks5h://p:1"), name_target());
    for (const char byte : "\x05\x00"s + reply) {
      ASSERT_FALSE(handshake->done());
      ASSERT_FALSE(handshake->feed(BytesView(&byte, 1)));
    }
    EXPECT_TRUE(handshake->done());
  }
}

TEST(Socks5, TellsCausesApart) {
  const auto cause = [](char reply) {
    const auto handshake = make_socks5_handshake(proxy_of("socks5h://p:1"), name_target());
    EXPECT_FALSE(handshake->feed("\x05\x00"s));
    const auto failure = handshake->feed("\x05"s + reply + "\x00\x01\x00\x00\x00\x00\x00\x00"s);
    EXPECT_TRUE(failure);
    EXPECT_FALSE(handshake->done());
    return failure ? failure->cause : Cause::Server;
  };
  EXPECT_EQ(cause(1), Cause::Connection);
  EXPECT_EQ(cause(2), Cause::Connection);
  EXPECT_EQ(cause(3), Cause::Connection);
  EXPECT_EQ(cause(4), Cause::Connection);
  EXPECT_EQ(cause(5), Cause::ConnectionRefused);
  EXPECT_EQ(cause(6), Cause::Timeout);
  EXPECT_EQ(cause('\xff'), Cause::Connection);
}

TEST(Socks5, RefusesWhatBreaksTheProtocol) {
  const auto fails = [](const char* proxy, const std::vector<Bytes>& inputs) {
    const auto handshake = make_socks5_handshake(proxy_of(proxy), name_target());
    for (const auto& input : inputs) {
      if (const auto failure = handshake->feed(input)) return failure->cause == Cause::Connection;
    }
    return false;
  };
  EXPECT_TRUE(fails("socks5h://p:1", {"HTTP/1.1 400"s}));
  EXPECT_TRUE(fails("socks5h://p:1", {"\x04\x00"s}));
  // No method will do, one that was not offered, a password nobody has.
  EXPECT_TRUE(fails("socks5h://p:1", {"\x05\xff"s}));
  EXPECT_TRUE(fails("socks5h://p:1", {"\x05\x01"s}));
  EXPECT_TRUE(fails("socks5h://p:1", {"\x05\x02"s}));
  EXPECT_TRUE(fails("socks5h://a:b@p:1", {"\x05\x02"s, "\x01\x01"s}));
  EXPECT_TRUE(fails("socks5h://a:b@p:1", {"\x05\x02"s, "\x05\x00"s}));
  EXPECT_TRUE(fails("socks5h://p:1", {"\x05\x00"s, "\x05\x00\x00\x02\x00"s}));
  EXPECT_TRUE(fails("socks5h://p:1", {"\x05\x00"s, "\x04\x00\x00\x01\x00\x00\x00\x00\x00\x00"s}));
  // A server that speaks first, or a proxy that does.
  EXPECT_TRUE(fails("socks5h://p:1", {"\x05\x00"s, kGranted + "x"}));
  EXPECT_TRUE(fails("socks5h://p:1", {"\x05\x00"s + kGranted}));
}

TEST(Connect, AsksForANameWithoutLookingItUp) {
  const auto handshake = make_connect_handshake(proxy_of("http://p:1"), name_target());
  EXPECT_EQ(handshake->output(), "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n");
  EXPECT_FALSE(handshake->feed("HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\n"));
  EXPECT_TRUE(handshake->done());
}

TEST(Connect, PutsBracketsAroundIpv6AndLogsIn) {
  const auto handshake = make_connect_handshake(proxy_of("http://me:secret@p:1"), {"2600::1", true, 80});
  EXPECT_EQ(handshake->output(),
            "CONNECT [2600::1]:80 HTTP/1.1\r\nHost: [2600::1]:80\r\n"
            "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n");
}

std::optional<Failure> answer(const Bytes& text, bool bytewise = false) {
  const auto handshake = make_connect_handshake(proxy_of("http://p:1"), name_target());
  for (size_t i = 0; i < text.size();) {
    const size_t size = bytewise ? 1 : text.size();
    if (auto failure = handshake->feed(BytesView(text).substr(i, size))) return failure;
    i += size;
  }
  if (!handshake->done()) return Failure{Cause::Server, "not done", false};
  return std::nullopt;
}

TEST(Connect, TakesItsAnswersInAnyPieces) {
  const Bytes granted = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
  EXPECT_FALSE(answer(granted));
  EXPECT_FALSE(answer(granted, true));
  EXPECT_FALSE(answer("HTTP/1.1 204 \r\n\r\n"));
}

TEST(Connect, TellsCausesApart) {
  const auto cause = [](int status) {
    const auto failure = answer("HTTP/1.1 " + std::to_string(status) + " x\r\n\r\n");
    return failure ? failure->cause : Cause::Server;
  };
  EXPECT_EQ(cause(407), Cause::Connection);
  EXPECT_EQ(cause(403), Cause::Connection);
  EXPECT_EQ(cause(502), Cause::Connection);
  EXPECT_EQ(cause(504), Cause::Timeout);
  EXPECT_EQ(cause(100), Cause::Connection);
  EXPECT_EQ(cause(302), Cause::Connection);
  EXPECT_TRUE(answer("HTTP/1.1 502 x\r\n\r\n")->transient);
  EXPECT_FALSE(answer("HTTP/1.1 403 x\r\n\r\n")->transient);
}

TEST(Connect, RefusesWhatBreaksTheProtocol) {
  for (const Bytes& text :
       {"SSH-2.0-OpenSSH\r\n"s, "HTTP/2 200\r\n\r\n"s, "HTTP/1.1 2x0 \r\n\r\n"s, "HTTP/1.1\r\n\r\n"s,
        "HTTP/1.1 200 OK\r\n\r\nx"s, "\x05\x00"s, "HTTP/1.1 200 OK\r\n" + Bytes(10'000, 'a'),
        "HTTP/1.1 200 OK\r\n" + Bytes(40'000, '\n')}) {
    const auto failure = answer(text);
    ASSERT_TRUE(failure) << text.substr(0, 40);
    EXPECT_EQ(failure->cause, Cause::Connection) << text.substr(0, 40);
  }
  // Endless headers end at the limit.
  Bytes endless = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 200; ++i) endless += "A: b\r\n";
  EXPECT_EQ(answer(endless)->cause, Cause::Connection);
}

// Any bytes: an answer, a failure, or waiting for more, in bounded memory.
TEST(ProxyHandshake, HoldsAgainstNoise) {
  Prng prng(5);
  for (int i = 0; i < 2'000; ++i) {
    for (const char* proxy : {"socks5h://a:b@p:1", "http://p:1"}) {
      const auto handshake = make_proxy_handshake(proxy_of(proxy), name_target());
      bool failed = false;
      for (int piece = 0; piece < 40 && !failed && !handshake->done(); ++piece) {
        Bytes bytes;
        for (uint64_t left = prng.below(40); left > 0; --left) {
          bytes.push_back(static_cast<char>(prng.chance(1, 2) ? prng.below(6) : prng.below(256)));
        }
        handshake->output();
        failed = handshake->feed(bytes).has_value();
      }
    }
  }
}

}  // namespace
}  // namespace icws::adapter
