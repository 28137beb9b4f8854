#include "ws/url.h"

#include <algorithm>
#include <boost/url/ipv6_address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "ws/detail/http_text.h"

namespace icws::ws {
namespace {

namespace urls = boost::urls;

// RFC 1035, section 2.3.4, in text form.
constexpr size_t kNameBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;

template <class T = void>
using Parsed = std::expected<T, UrlFailure>;

std::unexpected<UrlFailure> failure(UrlError code, std::string message) {
  return std::unexpected(UrlFailure{code, std::move(message)});
}

BytesView view(urls::string_view text) { return {text.data(), text.size()}; }

Parsed<> check_bytes(BytesView text) {
  if (text.empty()) return failure(UrlError::kEmpty, "the URL is empty; it must begin with ws:// or wss://");
  if (text.size() > kUrlBytesMax) {
    return failure(UrlError::kTooLong, "the URL has " + std::to_string(text.size()) + " bytes; at most " +
                                           std::to_string(kUrlBytesMax) + " are allowed");
  }
  const auto wrong = std::ranges::find_if(text, [](char c) { return c <= ' ' || c > '~'; });
  if (wrong == text.end()) return {};
  const auto byte = static_cast<unsigned char>(*wrong);
  const std::string what = byte >= 0x80 ? "is not ASCII" : byte == ' ' ? "is a blank" : "is a control byte";
  return failure(UrlError::kBadByte, "byte " + std::to_string(wrong - text.begin() + 1) + " of the URL " +
                                         what +
                                         "; percent-encode it in the path, write names in punycode (xn--)");
}

// Moves `text` past "ws://" or "wss://"; true if secure.
Parsed<bool> take_scheme(BytesView& text) {
  const size_t end = text.find("://");
  const std::string scheme = detail::to_lower(text.substr(0, std::min(end, text.size())));
  if (end != BytesView::npos && (scheme == "ws" || scheme == "wss")) {
    text.remove_prefix(end + 3);
    return scheme == "wss";
  }
  std::string message = "the URL must begin with ws:// or wss://";
  if (end != BytesView::npos) message += ", not " + detail::quoted(scheme + "://");
  if (scheme == "http" || scheme == "https") message += scheme == "http" ? "; use ws://" : "; use wss://";
  return failure(UrlError::kScheme, std::move(message));
}

// What the RFC's grammar allows and this project does not.
Parsed<> check_authority(BytesView authority) {
  if (authority.contains('@')) {
    return failure(UrlError::kUserInfo,
                   "the URL has user information before an @; remove it and send an Authorization header");
  }
  if (authority.contains('%')) {
    return failure(UrlError::kHost, "the host " + detail::quoted(authority) +
                                        " has a %: no percent-encoding or zone id is allowed there");
  }
  return {};
}

struct HostAndPort {
  BytesView host;  // an IPv6 address with its brackets
  std::optional<BytesView> port;
};

// Split by hand: Boost.URL 1.81 takes "1.2.3.4.5" for the host 1.2.3.4 with the path ".5".
Parsed<HostAndPort> split(BytesView authority) {
  size_t host_size = std::min(authority.find(':'), authority.size());
  if (authority.starts_with('[')) {
    host_size = authority.find(']') + 1;
    if (host_size == 0) return failure(UrlError::kAddress, "the host has a [ without a ]");
  } else if (host_size != authority.rfind(':') && host_size < authority.size()) {
    return failure(
        UrlError::kAddress,
        "the host " + detail::quoted(authority) +
            " has more than one colon; write an IPv6 address in brackets, as in [2001:db8::1]:8443");
  }
  if (host_size == 0) return failure(UrlError::kHost, "the URL has no host after ://");
  const BytesView rest = authority.substr(host_size);
  if (rest.empty()) return HostAndPort{authority, std::nullopt};
  if (rest[0] != ':') {
    return failure(UrlError::kAddress,
                   "only a port may follow the IPv6 address in brackets, as in [2001:db8::1]:8443");
  }
  return HostAndPort{authority.substr(0, host_size), rest.substr(1)};
}

// True for what some resolver might read as an IPv4 address: the last label is a number (WHATWG URL,
// section 3.5).
bool ends_in_number(BytesView host) {
  const BytesView last = host.substr(host.rfind('.') + 1);
  if (last.empty()) return false;
  if (std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; })) return true;
  return last.starts_with("0x") && last.find_first_not_of("0123456789abcdef", 2) == BytesView::npos;
}

// Four decimal numbers of 0-255 without leading zeros.
bool is_canonical_ipv4(BytesView host) {
  int parts = 0;
  while (true) {
    const BytesView part = host.substr(0, std::min(host.find('.'), host.size()));
    unsigned value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value > 255) return false;
    if (part.size() > 1 && part[0] == '0') return false;
    ++parts;
    if (part.size() == host.size()) return parts == 4;
    host.remove_prefix(part.size() + 1);
  }
}

Parsed<> check_name(BytesView host) {
  if (host.size() > kNameBytesMax) {
    return failure(UrlError::kHost, "the host " + detail::quoted(host) + " is longer than 253 bytes");
  }
  const auto legal = [](char c) { return detail::is_alphanumeric(c) || c == '-' || c == '_' || c == '.'; };
  if (!std::ranges::all_of(host, legal)) {
    return failure(UrlError::kHost,
                   "the host " + detail::quoted(host) +
                       " has a character that names do not have; use letters, digits, - and dots");
  }
  BytesView rest = host;
  while (true) {
    const BytesView label = rest.substr(0, std::min(rest.find('.'), rest.size()));
    if (label.empty()) {
      return failure(UrlError::kHost, "the host " + detail::quoted(host) +
                                          " has an empty part: remove leading, doubled or trailing dots");
    }
    if (label.size() > kLabelBytesMax) {
      return failure(UrlError::kHost,
                     "the host " + detail::quoted(host) + " has a part of more than 63 bytes");
    }
    if (label.size() == rest.size()) return {};
    rest.remove_prefix(label.size() + 1);
  }
}

Parsed<> set_host(Url& out, BytesView host) {
  if (host.starts_with('[')) {
    const auto address = urls::parse_ipv6_address(urls::string_view(host.data() + 1, host.size() - 2));
    if (address.has_error()) {
      return failure(UrlError::kAddress,
                     "the host " + detail::quoted(host) + " is not an IPv6 address, as in [2001:db8::1]");
    }
    out.host = address->to_string();
    out.is_literal = true;
    out.host_header = "[" + out.host + "]";
    return {};
  }
  out.host = detail::to_lower(host);
  out.host_header = out.host;
  out.is_literal = is_canonical_ipv4(out.host);
  if (out.is_literal) return {};
  if (auto checked = check_name(out.host); !checked) return checked;
  if (ends_in_number(out.host)) {
    return failure(UrlError::kAddress,
                   "the host " + detail::quoted(out.host) +
                       " is not a plain IPv4 address; write four decimal numbers, as in 192.0.2.1");
  }
  return {};
}

Parsed<> set_port(Url& out, std::optional<BytesView> port) {
  const uint16_t usual = out.secure ? 443 : 80;
  out.port = usual;
  if (!port) return {};
  const BytesView text = *port;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || text[0] == '0' || value > 65'535) {
    return failure(UrlError::kPort,
                   "the port " + detail::quoted(text) +
                       " is not a number from 1 to 65535 without leading zeros; correct it, or "
                       "leave it out with its colon");
  }
  out.port = static_cast<uint16_t>(value);
  if (out.port != usual) out.host_header += ":" + std::to_string(out.port);
  return {};
}

// Path and query, by the RFC's grammar. `text`: the whole URL; `authority`: what the parser must agree on.
Parsed<> set_target(Url& out, BytesView text, BytesView authority) {
  const auto parsed = urls::parse_uri(urls::string_view(text.data(), text.size()));
  if (parsed.has_error() || view(parsed->encoded_authority()) != authority) {
    return failure(
        UrlError::kSyntax,
        "the URL is not well-formed (RFC 3986); percent-encode special characters in its path and query");
  }
  out.target = std::string(view(parsed->encoded_path()));
  if (out.target.empty()) out.target = "/";
  if (parsed->has_query()) out.target += "?" + std::string(view(parsed->encoded_query()));
  return {};
}

}  // namespace

std::expected<Url, UrlFailure> parse_url(BytesView text) {
  if (auto checked = check_bytes(text); !checked) return std::unexpected(std::move(checked.error()));
  BytesView rest = text;
  const auto secure = take_scheme(rest);
  if (!secure) return std::unexpected(secure.error());
  if (rest.contains('#')) return failure(UrlError::kFragment, "the URL has a fragment (#...); remove it");
  const BytesView authority = rest.substr(0, std::min(rest.find_first_of("/?"), rest.size()));
  if (auto checked = check_authority(authority); !checked) return std::unexpected(std::move(checked.error()));
  const auto parts = split(authority);
  if (!parts) return std::unexpected(parts.error());

  Url out;
  out.secure = *secure;
  if (auto done = set_host(out, parts->host); !done) return std::unexpected(std::move(done.error()));
  if (auto done = set_port(out, parts->port); !done) return std::unexpected(std::move(done.error()));
  if (auto done = set_target(out, text, authority); !done) return std::unexpected(std::move(done.error()));
  return out;
}

}  // namespace icws::ws
