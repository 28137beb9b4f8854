// ABCI's framing: each message behind its length, an unsigned base-128 varint. Sans-IO.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace icws::engine {

// Bytes of a block. 40 reports of 32 KiB, contents of 2 MiB with what frames them, ingress of 4 MiB and a
// commit of 40 signatures are 8 MiB; half as much again leaves room for other parameters.
inline constexpr uint64_t kBlockBytesMax = 12 * 1024 * 1024;
// Bytes of one message. A request holds a block at most, and the votes of 40 validators.
inline constexpr uint64_t kFrameBytesMax = 32 * 1024 * 1024;
static_assert(2 * kBlockBytesMax < kFrameBytesMax);

enum class FrameFault : uint8_t {
  TooLong = 1,  // over kFrameBytesMax
  BadLength,    // not a minimal varint of at most 10 bytes
};
std::string_view frame_fault_text(FrameFault fault);

// Appends the varint.
void append_frame_length(Bytes& out, uint64_t size);

// What: cuts a stream of bytes into messages. Thread-safety: none. Memory: one message and one read at most.
// After a fault: no further call.
class FrameReader {
 public:
  explicit FrameReader(uint64_t frame_bytes_max = kFrameBytesMax) : frame_bytes_max_(frame_bytes_max) {}

  // Ends the validity of what next() returned.
  void feed(BytesView bytes);
  // The next whole message; empty: feed more. Valid until feed().
  std::expected<std::optional<BytesView>, FrameFault> next();
  // A message has begun and is not whole: an end of the stream here is a torn message.
  bool torn() const { return at_ < buffer_.size(); }

 private:
  uint64_t frame_bytes_max_;
  Bytes buffer_;
  size_t at_ = 0;
};

}  // namespace icws::engine
