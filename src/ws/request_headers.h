// Checks of what a canister may put into the handshake: header fields and subprotocols.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>

#include "base/bytes.h"

namespace icws::ws {

struct HeaderField {
  std::string name;
  std::string value;

  bool operator==(const HeaderField&) const = default;
};

// Limits of design, section 4: servers commonly refuse more, and a request must fit the replicated state.
inline constexpr size_t kHeadersMax = 64;
inline constexpr size_t kHeaderPartBytesMax = 8 * 1024;  // of a name, and of a value
inline constexpr size_t kHeadersBytesMax = 48 * 1024;    // names and values together
// Subprotocols share one header line: as many bytes as a value, with ", " between.
inline constexpr size_t kSubprotocolsMax = 16;
inline constexpr size_t kSubprotocolsBytesMax = kHeaderPartBytesMax;

enum class HeaderError : uint8_t {
  kTooMany,           // more than kHeadersMax fields, or kSubprotocolsMax subprotocols
  kNameEmpty,         // also an empty subprotocol
  kNameNotToken,      // a byte that RFC 9110's token does not have; also in a subprotocol
  kNameTooLong,       // over kHeaderPartBytesMax
  kNameForbidden,     // the handshake's own, hop-by-hop, or framing
  kValueControlByte,  // CR, LF, NUL or another control byte
  kValueTooLong,      // over kHeaderPartBytesMax
  kTogetherTooLong,   // over kHeadersBytesMax, or kSubprotocolsBytesMax
  kDuplicate,         // a subprotocol twice
};

struct HeaderFailure {
  HeaderError code;
  // Which field or subprotocol, from 0; for kTooMany and kTogetherTooLong the first one too many.
  size_t index;
  // For a person: what, where and what to do. Printable ASCII, at most 300 bytes.
  std::string message;
};

// The first fault, or nothing. Control bytes include the tab; bytes from 0x80 may stand in a value.
// Forbidden, in any case: Host, Connection, Upgrade, Sec-WebSocket-*, Content-Length, Transfer-Encoding, TE,
// Trailer, Expect, Proxy-*, Keep-Alive.
std::expected<void, HeaderFailure> check_headers(std::span<const HeaderField> headers);
std::expected<void, HeaderFailure> check_subprotocols(std::span<const std::string> subprotocols);

}  // namespace icws::ws
