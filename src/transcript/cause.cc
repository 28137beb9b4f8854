#include "transcript/cause.h"

#include <array>

namespace icws::transcript {
namespace {

struct Row {
  std::string_view name;
  std::string_view text;
};

constexpr std::array<Row, kCauseMax + 1> kRows = {{
    {"", ""},
    {"SERVER", "the server closed the connection"},
    {"CANISTER", "the canister closed the connection"},
    {"INVALID_REQUEST",
     "the URL, a header or a subprotocol is not acceptable; correct the arguments of ws_open"},
    {"ADDRESS_DENIED",
     "node operators do not allow this host, its address (private, loopback or reserved) or this port; use "
     "a host with a globally reachable address"},
    {"NAME_RESOLUTION",
     "the host name does not resolve; check its spelling and that it exists in public DNS"},
    {"CONNECTION_REFUSED", "the host refused the connection; check the port and that the server runs"},
    {"CONNECTION", "the network connection broke; open again later"},
    {"CERTIFICATE",
     "the server's certificate is not trusted, has expired, or is for another name; check the host name in "
     "the URL"},
    {"TLS", "the TLS handshake failed; the server must speak TLS 1.2 or later"},
    {"HANDSHAKE",
     "the server did not answer with a WebSocket handshake; check the path of the URL and the required "
     "headers"},
    {"PROTOCOL", "the server sent something that the WebSocket protocol forbids"},
    {"INVALID_UTF8", "the server sent a text message that is not valid UTF-8"},
    {"MESSAGE_TOO_BIG", "the server sent a message over the connection's limit; raise message_bytes_max"},
    {"TIMEOUT", "the server did not answer in time"},
    {"ADAPTER", "the node lost the connection, or has no room for another"},
    {"DIVERGED",
     "the server sent different messages to different nodes; use mode feed, or a transform that drops what "
     "differs"},
    {"STALLED", "nodes received messages, but no quorum of them the same for too long"},
    {"MEMBERSHIP", "the subnet's nodes changed; open again"},
    {"LIMIT_EXCEEDED",
     "node operators do not allow so many connections or opens for this canister, or to this host; close "
     "some, or open more slowly"},
    {"OUT_OF_CYCLES", "the canister's account cannot pay for what comes next; deposit cycles and open again"},
    {"CANISTER_STOPPED", "the canister was stopped; start it and open again"},
    {"TRANSFORM_FAILED",
     "the canister's transform failed on too many messages in a row; correct it, upgrade and open again"},
}};

}  // namespace

std::string_view cause_name(Cause cause) { return kRows[static_cast<uint8_t>(cause)].name; }

std::string_view cause_text(Cause cause) { return kRows[static_cast<uint8_t>(cause)].text; }

std::optional<Cause> cause_from(uint32_t number) {
  if (number == 0 || number > kCauseMax) return std::nullopt;
  return static_cast<Cause>(number);
}

}  // namespace icws::transcript
