// Why a connection did not open, or ended: the closed set of causes that replicas report and canisters see.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace icws::transcript {

// The numbers are part of the canonical encoding and of the adapter's gRPC interface: never reuse one.
enum class Cause : uint8_t {
  // The server closed with a Close frame (code and reason are the server's).
  Server = 1,
  // The canister closed it, or it was closed for the canister (deleted, trapping).
  Canister = 2,
  // The URL, a header or a subprotocol is not acceptable.
  InvalidRequest = 3,
  // The egress policy denies the name, the port, or all addresses that the name resolves to.
  AddressDenied = 4,
  // The name does not resolve.
  NameResolution = 5,
  // Nobody listens there.
  ConnectionRefused = 6,
  // Any other failure of the transport: reset, unreachable, end without a Close frame.
  Connection = 7,
  // The certificate is not valid for the name, not trusted, or expired.
  Certificate = 8,
  // Any other failure of TLS.
  Tls = 9,
  // The answer to the HTTP Upgrade is not a WebSocket handshake (another status, garbage, a wrong accept
  // key).
  Handshake = 10,
  // The server broke RFC 6455 after the handshake.
  Protocol = 11,
  // A text message was not valid UTF-8.
  InvalidUtf8 = 12,
  // A message was larger than the connection's limit.
  MessageTooBig = 13,
  // A deadline passed: connect, handshake, idle, or the open as a whole.
  Timeout = 14,
  // The adapter lost its connections or refuses more of them.
  Adapter = 15,
  // Replicas saw different messages where the canister asked for the same (mode ordered).
  Diverged = 16,
  // Messages were seen, but no quorum saw the same for too long (mode ordered).
  Stalled = 17,
  // Too many members left the committee that opened the connection.
  Membership = 18,
  // More connections or opens than node operators allow for the canister, its destination or the node.
  LimitExceeded = 19,
  // The canister's account cannot pay for what comes next.
  OutOfCycles = 20,
  // The canister was stopped.
  CanisterStopped = 21,
  // The canister's own transform failed too often in a row.
  TransformFailed = 22,
};

inline constexpr uint8_t kCauseMax = 22;

// The name in upper case as the interface gives it, for example "ADDRESS_DENIED".
std::string_view cause_name(Cause cause);
// A sentence for a person: what happened, and what to do about it.
std::string_view cause_text(Cause cause);
// Empty for a number outside the set.
std::optional<Cause> cause_from(uint32_t number);

}  // namespace icws::transcript
