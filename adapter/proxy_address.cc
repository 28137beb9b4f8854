#include "adapter/proxy_address.h"

#include <algorithm>

#include "ws/url.h"

namespace icws::adapter {
namespace {

// RFC 1929, section 2.
constexpr size_t kCredentialBytesMax = 255;

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// Nothing if it is not well-formed, empty, or too long.
std::optional<std::string> decode_credential(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    out.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  if (out.empty() || out.size() > kCredentialBytesMax) return std::nullopt;
  return out;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string ProxyAddress::text() const {
  const std::string scheme = kind == ProxyKind::kSocks5 ? "socks5h://" : "http://";
  const bool brackets = is_literal && host.contains(':');
  return scheme + (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::expected<ProxyAddress, std::string> parse_proxy(std::string_view text) {
  ProxyAddress out;
  if (take_prefix(text, "http://")) {
    out.kind = ProxyKind::kConnect;
  } else if (!take_prefix(text, "socks5h://")) {
    return std::unexpected("a proxy must begin with socks5h:// or http://");
  }
  if (const size_t at = text.rfind('@'); at != text.npos) {
    const auto credentials = text.substr(0, at);
    const size_t colon = credentials.find(':');
    const auto user = decode_credential(credentials.substr(0, colon));
    const auto password =
        colon == credentials.npos ? std::nullopt : decode_credential(credentials.substr(colon + 1));
    if (!user || !password) {
      return std::unexpected("a proxy's user and password are USER:PASSWORD@, 1 to 255 bytes each");
    }
    // RFC 7617, section 2: a colon would end the user's name.
    if (user->contains(':')) return std::unexpected("a proxy's user name may not have a colon");
    out.user = *user;
    out.password = *password;
    text.remove_prefix(at + 1);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  // The URL parser's rules for hosts and ports, of which the port must be there.
  const size_t bracket = text.find(']');
  const bool has_port = text.find(':', bracket == text.npos ? 0 : bracket) != text.npos;
  const auto url = ws::parse_url("ws://" + std::string(text));
  if (!url || !has_port || text.find_first_of("/?") != text.npos) {
    return std::unexpected(
        "a proxy is written like socks5h://proxy.example:1080 or http://[2001:db8::1]:3128");
  }
  out.host = url->host;
  out.is_literal = url->is_literal;
  out.port = url->port;
  return out;
}

std::optional<std::string> proxy_fault(std::string_view text) {
  const auto parsed = parse_proxy(text);
  if (parsed) return std::nullopt;
  return parsed.error();
}

std::vector<ProxyAddress> choose_proxies(const std::vector<ProxyAddress>& configured,
                                         const std::vector<ProxyAddress>& requested, Prng& prng) {
  std::vector<ProxyAddress> out = configured;
  out.insert(out.end(), requested.begin(), requested.end());
  const size_t count = std::min(out.size(), kProxiesTried);
  for (size_t i = 0; i < count; ++i) std::swap(out[i], out[i + prng.below(out.size() - i)]);
  out.resize(count);
  return out;
}

}  // namespace icws::adapter
