#include "engine/cometbft/frame_codec.h"

#include "base/varint.h"

namespace icws::engine {
namespace {

constexpr size_t kVarintBytesMax = 10;

struct Length {
  uint64_t value;
  size_t bytes;
};

// Empty: more is needed.
std::expected<std::optional<Length>, FrameFault> read_length(BytesView in) {
  uint64_t value = 0;
  for (size_t i = 0; i < kVarintBytesMax; ++i) {
    if (i == in.size()) return std::nullopt;
    const auto byte = static_cast<uint8_t>(in[i]);
    if (i == kVarintBytesMax - 1 && byte > 1) return std::unexpected(FrameFault::BadLength);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      if (byte == 0 && i > 0) return std::unexpected(FrameFault::BadLength);
      return Length{value, i + 1};
    }
  }
  return std::unexpected(FrameFault::BadLength);
}

}  // namespace

std::string_view frame_fault_text(FrameFault fault) {
  switch (fault) {
    case FrameFault::TooLong:
      return "a message is too long";
    case FrameFault::BadLength:
      return "a length is no minimal varint";
  }
  return "unknown fault";
}

void append_frame_length(Bytes& out, uint64_t size) { append_varint(out, size); }

void FrameReader::feed(BytesView bytes) {
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_ += bytes;
}

std::expected<std::optional<BytesView>, FrameFault> FrameReader::next() {
  const BytesView rest = BytesView(buffer_).substr(at_);
  const auto length = read_length(rest);
  if (!length) return std::unexpected(length.error());
  if (!*length) return std::nullopt;
  const auto [size, head] = **length;
  if (size > frame_bytes_max_) return std::unexpected(FrameFault::TooLong);
  if (rest.size() - head < size) return std::nullopt;
  at_ += head + static_cast<size_t>(size);
  return rest.substr(head, static_cast<size_t>(size));
}

}  // namespace icws::engine
