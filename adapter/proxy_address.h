// Proxies: how they are written, and which of them are tried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/prng.h"

namespace icws::adapter {

enum class ProxyKind : uint8_t {
  kSocks5,   // RFC 1928; it looks names up
  kConnect,  // HTTP CONNECT, RFC 9110, section 9.3.6
};

struct ProxyAddress {
  ProxyKind kind = ProxyKind::kSocks5;
  // A name or an address, IPv6 without brackets.
  std::string host;
  bool is_literal = false;
  uint16_t port = 0;
  // Both or neither; each at most 255 bytes (RFC 1929).
  std::string user;
  std::string password;
  // Of the operator's settings, and so beyond the egress policy: a proxy stands inside the network, as a
  // rule. One that came with a request is judged like any other address.
  bool trusted = false;

  // For logs: without user and password.
  std::string text() const;
  bool operator==(const ProxyAddress&) const = default;
};

// "socks5h://HOST:PORT" or "http://HOST:PORT", with "USER:PASSWORD@" before the host if need be
// (percent-encoded). "socks5://" is refused: it would mean that names are looked up here. Errors: a sentence
// that does not repeat the text, since it may have a password.
std::expected<ProxyAddress, std::string> parse_proxy(std::string_view text);
// For the table of settings.
std::optional<std::string> proxy_fault(std::string_view text);

// Limits of one OpenRequest's proxies (of the proto). A subnet has a few; user and password make most of the
// bytes.
inline constexpr size_t kRequestProxiesMax = 16;
inline constexpr size_t kRequestProxyBytesMax = 512;

// Proxies of one open beside the direct way.
inline constexpr size_t kProxiesTried = 2;

// At most kProxiesTried of both lists, in random order, so that no proxy gets all the load of a subnet.
std::vector<ProxyAddress> choose_proxies(const std::vector<ProxyAddress>& configured,
                                         const std::vector<ProxyAddress>& requested, Prng& prng);

}  // namespace icws::adapter
