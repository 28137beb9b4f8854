// The sending half of a WebSocket client (RFC 6455, RFC 7692): masked frames, one frame a message.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>

#include "base/bytes.h"
#include "ws/close.h"
#include "ws/deflater.h"

namespace icws::ws {

// Four bytes, new and unpredictable for every frame (RFC 6455, section 5.3). The caller has the randomness.
using MaskKey = std::array<uint8_t, 4>;

// The caller's mistakes; nothing is appended then.
enum class EncodeError : uint8_t {
  kInvalidUtf8,     // in a text message or a close reason
  kControlTooLong,  // a ping or pong over 125 bytes, a close reason over 123
  kBadCloseCode,    // a code that must not be on the wire
};

// One sentence for a person. Static storage.
std::string_view describe(EncodeError error);

// Payload bytes of a control frame (RFC 6455, section 5.5).
inline constexpr size_t kControlBytesMax = 125;
// A close reason shares them with its code.
inline constexpr size_t kCloseReasonBytesMax = kControlBytesMax - 2;

using Encoded = std::expected<void, EncodeError>;

// Each appends one final frame to `out`. `payload` must not lie within `out`. `deflater`: compresses the
// message if that is worthwhile; null: no compression was agreed. What was compressed must be sent, in this
// order.
Encoded append_text(Bytes& out, BytesView payload, MaskKey key, Deflater* deflater = nullptr);
void append_binary(Bytes& out, BytesView payload, MaskKey key, Deflater* deflater = nullptr);
Encoded append_ping(Bytes& out, BytesView payload, MaskKey key);
Encoded append_pong(Bytes& out, BytesView payload, MaskKey key);
// kCloseNoStatus, which needs an empty reason, makes a frame without a code.
Encoded append_close(Bytes& out, CloseCode code, BytesView reason, MaskKey key);

// The longest prefix of `reason` that fits a Close frame and does not cut a code point of valid UTF-8.
BytesView fit_close_reason(BytesView reason);

// XORs `size` bytes in place with `key`, beginning with its first byte (RFC 6455, section 5.3).
void apply_mask(char* data, size_t size, MaskKey key);

}  // namespace icws::ws
