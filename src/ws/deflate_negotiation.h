// What a client offers of permessage-deflate (RFC 7692), and what a server may make of it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "ws/handshake_error.h"

namespace icws::ws {

// Base-2 logarithms of LZ77 windows in bytes (RFC 7692, section 7.1.2).
inline constexpr uint8_t kWindowBitsMin = 8;
inline constexpr uint8_t kWindowBitsMax = 15;

// The parameters of one offer (RFC 7692, section 7.1). The default is what every known server takes.
// Precondition: bits are 8 to 15.
struct DeflateOffer {
  // The server must forget its window after each message. One that cannot declines the extension.
  bool server_no_context_takeover = false;
  // A hint: we are going to forget ours.
  bool client_no_context_takeover = false;
  // The largest window that the server may use. 15 restricts nothing and is not written: some servers take
  // any offer and do not answer to this parameter, and then the handshake fails.
  uint8_t server_max_window_bits = kWindowBitsMax;
  // The largest window that we are going to use; with a value, the server may ask for less. 15 is written
  // without a number. Nothing: the server may not ask.
  std::optional<uint8_t> client_max_window_bits = kWindowBitsMax;

  bool operator==(const DeflateOffer&) const = default;
};

// What both sides keep to.
struct DeflateParameters {
  // Each of the server's messages begins with an empty window.
  bool server_no_context_takeover = false;
  // Each of ours does.
  bool client_no_context_takeover = false;
  uint8_t server_max_window_bits = kWindowBitsMax;
  uint8_t client_max_window_bits = kWindowBitsMax;

  bool operator==(const DeflateParameters&) const = default;
};

// The value of Sec-WebSocket-Extensions that makes the offer.
std::string offer_text(const DeflateOffer& offer);

// Judges the values of all Sec-WebSocket-Extensions fields of an answer, in order; they count as one list
// (RFC 6455, section 9.1). Nothing: the server uses no extension. `offer`: nothing if none was made. Names
// must be written as in the RFC. Values may be quoted.
std::expected<std::optional<DeflateParameters>, HandshakeFailure> judge_extensions(
    std::span<const BytesView> values, const std::optional<DeflateOffer>& offer);

}  // namespace icws::ws
