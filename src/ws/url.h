// ws:// and wss:// addresses, strictly: what two parsers could read in two ways is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>

#include "base/bytes.h"

namespace icws::ws {

// Bytes of a URL (design, section 4): what servers and proxies commonly take as a request line.
inline constexpr size_t kUrlBytesMax = 8'192;

struct Url {
  bool secure = false;  // wss
  // A name or an address, lower case, for DNS, connect, SNI and verification. IPv6 without brackets and in
  // one form: RFC 5952's, but a single group of zeros becomes "::" too.
  std::string host;
  // True if `host` is an IPv4 or IPv6 address: then there is nothing to resolve, and no SNI.
  bool is_literal = false;
  uint16_t port = 0;  // 80 or 443 unless given
  // Path and query as written, at least "/".
  std::string target;
  // The Host header: with brackets for IPv6, with the port if it is not the scheme's own.
  std::string host_header;

  bool operator==(const Url&) const = default;
};

enum class UrlError : uint8_t {
  kEmpty,
  kTooLong,   // over kUrlBytesMax
  kBadByte,   // a blank, a control byte, or not ASCII
  kScheme,    // not ws or wss
  kUserInfo,  // user:password@
  kFragment,  // #
  kHost,      // empty, a zone id, percent-encoded, or no legal name
  kAddress,   // IPv4 in another form than four decimal numbers, or a wrong IPv6 address
  kPort,      // empty, 0, over 65535, or with leading zeros
  kSyntax,    // anything else that RFC 3986 refuses
};

struct UrlFailure {
  UrlError code;
  // For a person: what, where and what to do. Printable ASCII, at most 300 bytes; never quotes user info or
  // query.
  std::string message;
};

std::expected<Url, UrlFailure> parse_url(BytesView text);

}  // namespace icws::ws
