// What a replica says to its adapter and hears from it, as plain values. The replica's pure core speaks
// this; `adapter_client` carries it over gRPC, and the simulator carries it in memory.
//
// Every command is idempotent: the core may repeat one at any time (after a crash of either side it does),
// and the adapter answers with what already is. Events of one socket are numbered from 1 without holes and
// are repeated from the first unacknowledged one whenever the stream between the two begins anew.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/ids.h"
#include "transcript/cause.h"

namespace icws::replica {

// Bytes of a canister's id: the longest principal of the Internet Computer.
inline constexpr size_t kCanisterIdBytesMax = 29;

// Names one socket of one adapter. `attempt` counts this replica's sockets within the epoch.
struct SocketKey {
  ConnectionId connection;
  Epoch epoch;
  Attempt attempt;
  auto operator<=>(const SocketKey&) const = default;
};

struct Header {
  std::string name;
  std::string value;
  static void fields(auto& archive, auto& self) { archive(self.name, self.value); }
  bool operator==(const Header&) const = default;
};

enum class MessageKind : uint8_t { Text = 1, Binary = 2 };

// --- Commands: replica to adapter ---------------------------------------------------------------------

struct OpenCommand {
  SocketKey key;
  std::string url;
  std::vector<Header> headers;
  std::vector<std::string> subprotocols;
  // Names of response headers to hand back with Opened, lower case.
  std::vector<std::string> response_headers;
  // A larger message ends the socket with 1009 and Cause::MessageTooBig.
  uint64_t message_bytes_max = 0;
  // May be compressed on the wire; nobody sees whether it is.
  bool compression = false;
  // Whose socket it is, for the adapter's limits per canister; at most kCanisterIdBytesMax. Empty: nobody's.
  std::string canister;
  // Ways around a network that does not let the adapter through, as in the adapter's interface. No canister
  // can set them, nor does the core: the replica's process has them (adapter_client's options).
  std::vector<std::string> proxies;
};

// `sequence` counts from 1 without holes within one socket; the adapter drops what it already has.
struct SendCommand {
  SocketKey key;
  uint64_t sequence = 0;
  MessageKind kind = MessageKind::Text;
  Bytes content;
};

// Ends the socket and forgets it, with everything that is not acknowledged.
struct CloseCommand {
  SocketKey key;
  uint16_t code = 1000;
  std::string reason;
};

// Frees events up to and including `event`. `position` and `head` are the replica's own notes on that event;
// the adapter gives them back when a replica that lost its state resumes.
struct AcknowledgeCommand {
  SocketKey key;
  EventSequence event;
  Position position;
  Digest head;
};

using AdapterCommand = std::variant<OpenCommand, SendCommand, CloseCommand, AcknowledgeCommand>;

// --- Events: adapter to replica -----------------------------------------------------------------------

// A socket that the adapter holds when the stream begins.
struct SocketStatus {
  SocketKey key;
  EventSequence acknowledged;
  Position position;
  Digest head;
  // The highest send sequence that was accepted from the replica (it is written, or will be).
  uint64_t accepted_send = 0;
};

// The stream to the adapter (re)started. `instance` changes when the adapter process does.
struct AdapterUp {
  uint64_t instance = 0;
  std::vector<SocketStatus> sockets;
};

struct AdapterDown {};

struct SocketOpened {
  std::string subprotocol;
  std::vector<Header> headers;
};

struct SocketMessage {
  MessageKind kind = MessageKind::Text;
  Bytes content;
};

// The socket ended after it had opened. `clean`: the server sent a Close frame (code and reason are its own;
// 1005 if it gave none); otherwise code is 1006 or the code that we failed the connection with.
struct SocketClosed {
  bool clean = false;
  uint16_t code = 1006;
  std::string reason;
  transcript::Cause cause = transcript::Cause::Connection;
  std::string detail;
};

struct SocketOpenFailed {
  transcript::Cause cause = transcript::Cause::Connection;
  std::string detail;
};

// One numbered event of a socket.
struct SocketEvent {
  SocketKey key;
  EventSequence sequence;
  std::variant<SocketOpened, SocketMessage, SocketClosed, SocketOpenFailed> what;
};

// Not numbered, not acknowledged: the newest counts.
struct SendProgress {
  SocketKey key;
  // Everything up to this sequence was handed to the socket.
  uint64_t sent_up_to = 0;
};

using AdapterEvent = std::variant<AdapterUp, AdapterDown, SocketEvent, SendProgress>;

}  // namespace icws::replica
