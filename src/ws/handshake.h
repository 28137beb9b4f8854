// The client's opening handshake (RFC 6455, section 4.1): what to send, and whether the answer is one.
// Parsing HTTP is not done here; the caller hands over a status and the header fields.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "ws/deflate_negotiation.h"
#include "ws/handshake_error.h"
#include "ws/request_headers.h"

namespace icws::ws {

// The value of Sec-WebSocket-Key: base64 of 16 random bytes, new for every connection.
std::string make_key(const std::array<uint8_t, 16>& random);
// The Sec-WebSocket-Accept that answers `key`: base64(SHA-1(key + GUID)).
std::string accept_for(BytesView key);

// Precondition of all parts: they come from parse_url, make_key, and check_*; nothing is checked again.
struct UpgradeRequest {
  std::string target;       // "/path?query"
  std::string host_header;  // "example.com:8080"
  std::string key;
  std::vector<std::string> subprotocols;
  std::vector<HeaderField> headers;
  // Nothing: no compression is offered.
  std::optional<DeflateOffer> deflate;
};

// The request's bytes, to the empty line.
Bytes build_request(const UpgradeRequest& request);

struct Handshake {
  // One of the offered; empty if the server chose none, which RFC 6455 allows it.
  std::string subprotocol;
  // Nothing: no compression.
  std::optional<DeflateParameters> deflate;
};

struct HeaderView {
  BytesView name;
  BytesView value;
};

// Judges a response. `headers`: all fields in order, names in any case, values with or without outer blanks.
std::expected<Handshake, HandshakeFailure> check_response(unsigned status,
                                                          std::span<const HeaderView> headers,
                                                          const UpgradeRequest& request);

}  // namespace icws::ws
