// What is to be written to one socket.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "replica/adapter_port.h"
#include "ws/close.h"
#include "ws/deflater.h"
#include "ws/encoder.h"

namespace icws::adapter {

// Unpredictable mask keys from OpenSSL, fetched many at a time. Thread-safety: none.
class MaskKeys {
 public:
  ws::MaskKey next();

 private:
  static constexpr size_t kKeys = 64;
  ws::MaskKey keys_[kKeys];
  size_t used_ = kKeys;
};

// What: queues messages (bounded, deduplicated by sequence), pings, pongs and one Close frame, and encodes
// them in the order: pongs and pings, then messages, then the Close frame.
// Pongs: every ping is answered, unless more than kPongsMax wait: RFC 6455, section 5.5.3 lets a peer answer
// only the newest ones then, so that a server which pings but never reads costs so many pongs of memory.
// Thread-safety: none.
class SendQueue {
 public:
  // Of at most 125 bytes each: pings that one read brings are all answered, in 2 KiB.
  static constexpr size_t kPongsMax = 16;

  SendQueue(uint64_t messages_max, uint64_t bytes_max) : messages_max_(messages_max), bytes_max_(bytes_max) {}

  enum class Accepted : uint8_t {
    kYes,   // or it was there already
    kFull,  // or a hole before it: send again from accepted_up_to() + 1
  };
  // Precondition: text is valid UTF-8.
  Accepted push(uint64_t sequence, replica::MessageKind kind, BytesView content);
  uint64_t accepted_up_to() const { return accepted_; }

  // Messages are compressed from now on, where that is worthwhile.
  void compress_with(ws::Deflater deflater) { deflater_ = std::move(deflater); }
  // Gives back the memory of compression; the next message takes it again.
  void release_idle();

  void ping() { ping_ = true; }
  void pong(BytesView payload);
  // The first Close frame counts. kCloseNoStatus: without a code. `at_once`: messages are dropped.
  void close(ws::CloseCode code, BytesView reason, bool at_once);

  // Drops what waits.
  void clear();

  // Appends frames until `out` has `bytes` or nothing is left. Nothing more after the Close frame.
  void encode(Bytes& out, size_t bytes, MaskKeys& keys);
  // The newest sequence that encode() has given out.
  uint64_t encoded_up_to() const { return encoded_; }
  uint64_t messages_encoded() const { return encoded_; }
  uint64_t control_frames_encoded() const { return control_encoded_; }
  // Waiting.
  uint64_t messages() const { return messages_.size(); }
  bool empty() const { return !ping_ && pongs_.empty() && messages_.empty() && !(close_ && !close_encoded_); }
  bool close_queued() const { return close_.has_value(); }
  bool close_encoded() const { return close_encoded_; }

 private:
  struct Message {
    uint64_t sequence;
    replica::MessageKind kind;
    Bytes content;
  };
  struct CloseFrame {
    ws::CloseCode code;
    std::string reason;
  };

  const uint64_t messages_max_;
  const uint64_t bytes_max_;
  // Not a deque, which has half a KiB when it is empty.
  std::list<Message> messages_;
  uint64_t bytes_ = 0;
  uint64_t accepted_ = 0;
  uint64_t encoded_ = 0;
  uint64_t control_encoded_ = 0;
  std::optional<ws::Deflater> deflater_;
  std::vector<Bytes> pongs_;
  bool ping_ = false;
  std::optional<CloseFrame> close_;
  bool close_encoded_ = false;
};

}  // namespace icws::adapter
