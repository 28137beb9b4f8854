// The receiving half of a WebSocket client (RFC 6455, RFC 7692), without I/O.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "ws/close.h"
#include "ws/deflate_negotiation.h"
#include "ws/inflater.h"
#include "ws/message_buffer.h"
#include "ws/utf8.h"

namespace icws::ws {

// What a server may not do. Every one ends the connection.
enum class DecodeError : uint8_t {
  kReservedBits,        // RSV1-3 set, and no extension that gives them a meaning was agreed
  kCompressionBit,      // RSV1 on a control frame or a continuation (RFC 7692, section 6.1)
  kReservedOpcode,      // 3-7, 11-15
  kFragmentedControl,   // a control frame without FIN
  kControlTooLong,      // a control frame of more than 125 bytes
  kMaskedFrame,         // a server must not mask
  kLengthNotMinimal,    // a length in a longer form than it needs
  kLengthTopBit,        // a 64-bit length with its top bit set
  kMessageTooBig,       // over DecoderLimits::message_bytes_max; seen in the header, or once it is inflated
  kCompressedTooBig,    // over DecoderLimits::compressed_bytes_max(), seen in the header
  kInflatesTooMuch,     // over DecoderLimits::inflate_ratio_max, seen at a message's end
  kCorruptCompression,  // see InflateError::kCorrupt
  kTooManyFragments,    // over DecoderLimits::fragments_max
  kTooManyEmptyFragments,   // over DecoderLimits::empty_fragments_max
  kUnexpectedContinuation,  // a continuation and no message begun
  kExpectedContinuation,    // a new message inside an unfinished one
  kInvalidUtf8,             // in a text message or a close reason; found at the first wrong byte
  kClosePayloadOneByte,     // a close code is two bytes
  kBadCloseCode,            // a code that must not be on the wire
  kDataAfterClose,          // bytes after the Close frame
};

// The code to close with: 1002, 1007, 1009, or 1008 for too many fragments (RFC 6455, section 7.4.1). RFC
// 7692 names none. Corrupt compression is "data not consistent with the type of the message", 1007, which
// others send, too (npm ws); what inflates too much is "too big to process", 1009.
CloseCode close_code_for(DecodeError error);
// One sentence for a person: what the server did. Static storage.
std::string_view describe(DecodeError error);

struct DecoderLimits {
  // Payload bytes of one message, inflated, over all its fragments. 2,000,000 is what a block can carry
  // (design, section 4).
  uint64_t message_bytes_max = 2'000'000;
  // Frames of one message: each costs work and no byte needs to come with it. As npm `ws` has it.
  uint32_t fragments_max = 131'072;
  // Of these, frames without payload: no honest server needs more than a few.
  uint32_t empty_fragments_max = 1'024;
  // How many bytes a compressed one may become, at most 1,032 (DEFLATE's own limit). One message may exceed
  // it; the excess must be made up for before another may:
  //     inflated <= inflate_ratio_max * compressed + message_bytes_max
  // holds at each message's end, for whatever run of compressed messages. 150: the most compressible thing
  // that honest servers send is the same message again and again, which comes to 130 at most (matches of 258
  // bytes in 16 bits each).
  uint32_t inflate_ratio_max = 150;

  // Compressed bytes of one message, over all its fragments: any honest compressor stays below (9 bits for a
  // literal, 5 bytes for the flush of each fragment), and blocks without content are not for ever.
  uint64_t compressed_bytes_max() const { return 2 * message_bytes_max + 64 * 1024; }
};

enum class EventKind : uint8_t {
  kNeedMore,  // the input is used up; nothing to report
  kText,      // payload: a whole message, valid UTF-8
  kBinary,    // payload: a whole message
  kPing,      // payload: to be returned in a pong, <= 125 bytes
  kPong,      // payload: what our ping held, or anything
  kClose,     // payload: the reason, valid UTF-8, <= 123 bytes; close_code is set
};

struct Event {
  EventKind kind = EventKind::kNeedMore;
  // kClose only: as received, kCloseNoStatus if the frame was empty; else 0.
  CloseCode close_code = 0;
  BytesView payload;
};

// Totals since construction. For metrics, and for the owner's rate limits: a server may send control frames
// without end, and only the owner has a clock to call that too many.
struct DecoderCounters {
  uint64_t messages = 0;
  uint64_t message_bytes = 0;
  uint64_t control_frames = 0;
  // Frames that carried a part of a message (a message in one frame counts none).
  uint64_t fragments = 0;
  // Of the messages, those that came compressed; what they had on the wire and what they became.
  uint64_t compressed_messages = 0;
  uint64_t compressed_bytes = 0;
  uint64_t inflated_bytes = 0;
};

// What: turns the bytes of a server into events, one a call (a pull parser):
//
//     BytesView input = <what was read>;
//     while (true) {
//       const auto event = decoder.next(input);
//       if (!event) -> close with close_code_for(event.error())
//       if (event->kind == EventKind::kNeedMore) break;   // input is empty: read again
//       ...                                               // or stop: what is left of input is the caller's
//       to keep
//     }
//
// Of a large frame whose beginning has come, the rest need not be copied: it can be read to where it is
// wanted.
//
//     const auto place = decoder.payload_room();        // empty: there is no such frame
//     ...read n bytes, 1..place.size(), of the stream to `place`; what is behind them goes into an input
//     auto event = decoder.filled(n);                   // then next(), as ever
//
// Thread-safety: none.
// Ownership and lifetime: next() moves `input` past what it used. A payload points into the caller's input if
// the message lay whole in it (no copy), else into the decoder; it is valid until the next call of next() or
// filled(), the decoder's move or destruction, release_idle(), and, in the first case, until the caller
// changes its buffer. Memory: at most twice message_bytes_max, and kAheadBytes (the buffer doubles, with what
// really came; of what was announced at most kAheadBytes have memory before they come); between messages at
// most kRetainedBytesMax; with compression Inflater::kMemoryBytesMax more. Errors: DecodeError; input stands
// somewhere in the offending frame. After a failure: every later call returns the same error. After kClose:
// kDataAfterClose if there is any input. (Its owner has the close by then; RFC 6455, section 5.5.1 lets it
// ignore what follows.)
class Decoder {
 public:
  // A buffer that grew beyond this is freed once its message is done: 3,000 connections idle at little cost.
  static constexpr size_t kRetainedBytesMax = 128 * 1024;
  // So much of an announced frame gets memory at once, which nobody has touched yet: as much as an event
  // chunk of a busy connection. With less, a message of 64 KiB would be copied as its buffer grows.
  static constexpr size_t kAheadBytes = 64 * 1024;
  // Of a frame that has less to come, the rest is copied: a call for it alone costs more.
  static constexpr size_t kRoomBytesMin = 4 * 1024;

  // `deflate`: what the handshake agreed on; nothing: no compression.
  explicit Decoder(DecoderLimits limits = {}, const std::optional<DeflateParameters>& deflate = {})
      : limits_(limits) {
    if (deflate) inflater_.emplace(!deflate->server_no_context_takeover);
  }

  std::expected<Event, DecodeError> next(BytesView& input);

  // Where to read what comes next of an uncompressed frame's payload; empty if that is not worth while or
  // there is no such frame. Valid until any other call.
  std::span<char> payload_room();
  // 1..payload_room().size() bytes of the stream are there now. As next() with these as its input.
  std::expected<Event, DecodeError> filled(size_t bytes);
  // What the payload of the last event lies in; null if it is not the decoder's. May be moved from.
  MessageBuffer* message_buffer() { return delivered_ ? &message_ : nullptr; }

  // True if the stream may not end here: a frame or a message is unfinished.
  bool unfinished() const { return header_size_ > 0 || phase_ == Phase::kPayload || in_message_; }
  // Gives all memory back; nothing can be decoded any more, and the counters stay.
  void retire();
  // Gives back what is held for speed alone, unless a message is unfinished. For a connection that is silent.
  void release_idle();
  // Bytes of memory held for messages and for inflating them.
  size_t memory_bytes() const { return message_.capacity() + (inflater_ ? inflater_->memory_bytes() : 0); }
  const DecoderCounters& counters() const { return counters_; }

 private:
  using Result = std::expected<Event, DecodeError>;
  enum class Phase : uint8_t { kHeader, kPayload, kClosed, kFailed };

  // The frame being received, from its header.
  struct Frame {
    uint64_t payload_left = 0;
    uint8_t opcode = 0;
    bool final = false;
    // RSV1.
    bool compressed = false;
  };

  Result next_slowly(BytesView& input);
  // True once frame_ holds the header of the frame whose payload comes next in the input.
  std::expected<bool, DecodeError> read_header(BytesView& input);
  std::expected<void, DecodeError> begin_data_frame();
  std::expected<void, DecodeError> check_size();
  Result read_data(BytesView& input);
  void reserve_ahead(size_t piece_bytes);
  Result end_of_piece();
  Result read_compressed(BytesView& input);
  std::expected<void, DecodeError> inflate(BytesView piece, bool message_ends);
  std::expected<void, DecodeError> settle_inflated();
  Result read_control(BytesView& input);
  Result finish_message(BytesView payload);
  Result finish_control(BytesView payload);
  Result finish_close(BytesView payload);
  Result fail(DecodeError error);
  void release_delivered();

  // First what the short way through next() touches.
  Phase phase_ = Phase::kHeader;
  // A first fragment was begun and its message's last is not finished.
  bool in_message_ = false;
  // message_ was handed out by the last call.
  bool delivered_ = false;
  uint8_t header_size_ = 0;
  uint8_t control_size_ = 0;
  bool text_ = false;
  bool compressed_ = false;
  DecodeError error_ = DecodeError::kDataAfterClose;
  DecoderLimits limits_;
  DecoderCounters counters_;

  // What came of the current message, unless all of it is in the caller's input.
  MessageBuffer message_;
  Frame frame_;
  uint32_t fragments_ = 0;
  uint32_t empty_fragments_ = 0;
  // Announced compressed bytes of the current message, if it is compressed.
  uint64_t compressed_bytes_ = 0;
  // By how much what was inflated exceeds the ratio; never below 0, so that there is nothing to save up.
  uint64_t inflate_debt_ = 0;
  std::optional<Inflater> inflater_;
  Utf8Validator utf8_;
  std::array<char, 10> header_;
  std::array<char, 125> control_;
};

}  // namespace icws::ws
