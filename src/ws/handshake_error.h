// Why an opening handshake failed.
#pragma once

#include <cstdint>
#include <string>

namespace icws::ws {

enum class HandshakeError : uint8_t {
  kStatus,              // not 101
  kUpgrade,             // no `Upgrade: websocket`
  kConnection,          // no `Connection: Upgrade`
  kAcceptMissing,       // no Sec-WebSocket-Accept
  kAcceptWrong,         // not the answer to our key: not a WebSocket server, or a cache
  kExtensionSyntax,     // Sec-WebSocket-Extensions does not follow its grammar
  kExtension,           // an extension that was not offered
  kExtensionTwice,      // the same extension more than once
  kExtensionParameter,  // of permessage-deflate: unknown, twice, not offered, missing, or a wrong value
  kSubprotocol,         // not one that was offered
  kDuplicateHeader,     // two Upgrade, Sec-WebSocket-Accept or Sec-WebSocket-Protocol
};

struct HandshakeFailure {
  HandshakeError code;
  // For a person: what the server answered. Printable ASCII, at most 300 bytes.
  std::string message;
};

}  // namespace icws::ws
