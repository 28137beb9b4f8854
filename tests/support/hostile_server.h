// A server that breaks RFC 6455 (or TCP manners) on purpose: each misbehaviour by its own path, or by a
// script.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/support/test_certificates.h"
#include "tests/support/waiting.h"

struct ssl_ctx_st;
struct ssl_st;

namespace icws::support {

enum class Hostility {
  kNone,                   // accepts, then answers nothing: a polite but silent server
  kGarbage,                // bytes that are not HTTP
  kWrongAcceptKey,         // 101 with another Sec-WebSocket-Accept
  kForbidden,              // 403 with a body
  kRedirect,               // 302 to another place
  kEndlessHeaders,         // 101, then header lines for ever
  kEndlessBody,            // 403 with a body that never ends
  kExtensionNotOffered,    // 101 with Sec-WebSocket-Extensions
  kSubprotocolNotOffered,  // 101 with Sec-WebSocket-Protocol
  kSilent,                 // reads the request, answers nothing, holds the connection
  kResetAtOnce,            // reads the request, then RST
  kResetAfterUpgrade,      // 101, then RST
  kEndAfterUpgrade,        // 101, then FIN without a Close frame
  kEndInMessage,           // half a message, then FIN
  kInvalidUtf8,            // a text frame that is not UTF-8
  kInvalidUtf8Fragmented,  // the invalid byte is in the second fragment
  kOversizeMessage,        // announces 1 GiB and begins to send it
  kOversizeLength,         // a 64-bit length with the top bit set
  kNonMinimalLength,       // 5 bytes announced with the 16-bit form
  kMaskedFrame,            // servers must not mask
  kReservedBit,            // RSV1 without an extension
  kReservedOpcode,         // opcode 3
  kFragmentedControl,      // a ping without FIN
  kLongControl,            // a ping of 126 bytes
  kContinuationFirst,      // a continuation frame of nothing
  kTextInFragments,        // a text frame inside a fragmented message
  kEndlessEmptyFragments,  // empty continuation frames for ever
  kBadCloseCode,           // Close with 1005
  kCloseOneByte,           // Close with a payload of one byte
  kCloseThenHold,          // Close, then the TCP connection is held open
  kPingFlood,              // pings for ever, never reads
  kByteByByte,             // 101 and the text "hello", each byte in a segment of its own: legal, if slow
};

// Every value, for tests that go through all.
const std::vector<Hostility>& all_hostilities();
// "wrong-accept-key" and so on: the path that chooses it, and the test's name.
const char* hostility_name(Hostility hostility);

// One accepted connection, as a script sees it: blocking calls on the connection's own thread.
// Sends and reads return false (or nothing) when the client is gone or the server stops: a script then
// returns.
class RawConnection {
 public:
  virtual ~RawConnection() = default;
  // The request up to and with its empty line; read before the script begins.
  virtual const std::string& request() const = 0;
  virtual bool send(BytesView bytes) = 0;
  // The 101 that the request asks for, with further header lines (each with its CRLF).
  virtual bool accept_upgrade(BytesView further_headers = {}) = 0;
  // At least one byte; empty at the end.
  virtual Bytes read_some() = 0;
  // Reads and drops until the client has closed.
  virtual void wait_closed() = 0;
  // Neither reads nor writes until the server stops.
  virtual void hold() = 0;
  // Does nothing for so long. False if the server stopped meanwhile.
  virtual bool pause(std::chrono::milliseconds duration) = 0;
  // From now on little more is received than was read: a client that writes soon has to wait.
  virtual void narrow() = 0;
  // For scripts that break TLS itself; null without TLS.
  virtual ssl_st* tls() = 0;
  // RST instead of FIN; the connection is closed afterwards.
  virtual void reset() = 0;
};

// A server's frame: unmasked, the length in its shortest form.
Bytes server_frame(uint8_t first_byte, BytesView payload);

using Script = std::function<void(RawConnection&)>;
// Changes what the server's TLS is, once, before the first connection.
using ConfigureTls = std::function<void(ssl_ctx_st*)>;

// What happens below HTTP.
struct HostileTransport {
  std::optional<CertificateAndKey> tls = std::nullopt;
  ConfigureTls configure_tls = {};
  // Each byte that is sent, TLS's own included, is a segment of its own, with this pause before it.
  std::optional<std::chrono::milliseconds> dribble = std::nullopt;
  // The script begins on the bare connection: no TLS handshake, and no request was read.
  bool at_once = false;
};

// What: a TCP (or TLS) server with a thread per connection. A request for `/<hostility name>` gets this
// misbehaviour, any other one the script given. Thread-safety: all methods from any thread.
// Ownership: owns its threads; the destructor cuts all connections and joins them. Errors: construction
// throws std::system_error.
class HostileServer {
 public:
  explicit HostileServer(std::optional<CertificateAndKey> tls = std::nullopt, Script otherwise = {},
                         const ConfigureTls& configure_tls = {});
  HostileServer(HostileTransport transport, Script otherwise);
  ~HostileServer();

  uint16_t port() const;
  // "ws://127.0.0.1:PORT/<name>", or "wss://localhost:PORT/<name>" with TLS.
  std::string url(Hostility hostility) const;
  std::string url() const;
  // How many connections were accepted (before TLS).
  const Watched<size_t>& accepted() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::support
