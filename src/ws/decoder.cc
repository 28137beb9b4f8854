#include "ws/decoder.h"

#include <algorithm>
#include <cstring>

namespace icws::ws {
namespace {

constexpr uint8_t kFinalBit = 0x80;
constexpr uint8_t kReservedBits = 0x70;
constexpr uint8_t kOpcodeBits = 0x0F;
constexpr uint8_t kMaskBit = 0x80;

constexpr uint8_t kContinuation = 0;
constexpr uint8_t kText = 1;
constexpr uint8_t kBinary = 2;
constexpr uint8_t kClose = 8;
constexpr uint8_t kPing = 9;
constexpr uint8_t kPong = 10;

// The 7-bit length: up to here the length itself, 126 and 127 announce 2 and 8 more bytes.
constexpr uint8_t kShortLengthMax = 125;
constexpr uint8_t kLength16 = 126;

constexpr bool is_control(uint8_t opcode) { return opcode >= kClose; }

uint64_t big_endian(const char* at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

BytesView take(BytesView& input, uint64_t bytes_max) {
  const BytesView taken = input.substr(0, std::min<uint64_t>(bytes_max, input.size()));
  input.remove_prefix(taken.size());
  return taken;
}

std::expected<void, DecodeError> check_first_byte(uint8_t byte, bool in_message) {
  const uint8_t opcode = byte & kOpcodeBits;
  if ((byte & kReservedBits) != 0) return std::unexpected(DecodeError::kReservedBits);
  if (opcode > kPong || (opcode > kBinary && opcode < kClose))
    return std::unexpected(DecodeError::kReservedOpcode);
  if (is_control(opcode)) {
    if ((byte & kFinalBit) == 0) return std::unexpected(DecodeError::kFragmentedControl);
  } else if (opcode == kContinuation) {
    if (!in_message) return std::unexpected(DecodeError::kUnexpectedContinuation);
  } else if (in_message) {
    return std::unexpected(DecodeError::kExpectedContinuation);
  }
  return {};
}

struct Header {
  uint8_t size = 0;  // 0: more of it is to come
  uint64_t payload_bytes = 0;
};

// Reads the header that `bytes` begins with. Each byte is judged as soon as it is there.
std::expected<Header, DecodeError> parse_header(BytesView bytes, bool in_message) {
  if (bytes.empty()) return Header{};
  const auto first = static_cast<uint8_t>(bytes[0]);
  if (const auto checked = check_first_byte(first, in_message); !checked)
    return std::unexpected(checked.error());
  if (bytes.size() < 2) return Header{};
  const auto second = static_cast<uint8_t>(bytes[1]);
  if ((second & kMaskBit) != 0) return std::unexpected(DecodeError::kMaskedFrame);
  if (second <= kShortLengthMax) return Header{2, second};
  if (is_control(first & kOpcodeBits)) return std::unexpected(DecodeError::kControlTooLong);
  if (second == kLength16) {
    if (bytes.size() < 4) return Header{};
    const uint64_t length = big_endian(bytes.data() + 2, 2);
    if (length <= kShortLengthMax) return std::unexpected(DecodeError::kLengthNotMinimal);
    return Header{4, length};
  }
  if (bytes.size() < 10) return Header{};
  const uint64_t length = big_endian(bytes.data() + 2, 8);
  if (length >> 63 != 0) return std::unexpected(DecodeError::kLengthTopBit);
  if (length <= 0xFFFF) return std::unexpected(DecodeError::kLengthNotMinimal);
  return Header{10, length};
}

}  // namespace

Decoder::Result Decoder::next(BytesView& input) {
  if (delivered_) release_delivered();
  // Most of a busy feed is short messages in one frame, whole in the input: they get by with these few tests.
  if (phase_ == Phase::kHeader && header_size_ == 0 && !in_message_ && input.size() >= 2) {
    const auto first = static_cast<uint8_t>(input[0]);
    const auto second = static_cast<uint8_t>(input[1]);
    const bool text = first == (kFinalBit | kText);
    if ((text || first == (kFinalBit | kBinary)) && second <= kShortLengthMax && second <= input.size() - 2 &&
        second <= limits_.message_bytes_max) {
      const BytesView payload(input.data() + 2, second);
      if (text && !utf8_valid(payload)) return fail(DecodeError::kInvalidUtf8);
      input.remove_prefix(2u + second);
      ++counters_.messages;
      counters_.message_bytes += second;
      return Event{text ? EventKind::kText : EventKind::kBinary, 0, payload};
    }
  }
  return next_slowly(input);
}

Decoder::Result Decoder::next_slowly(BytesView& input) {
  if (phase_ == Phase::kFailed) return std::unexpected(error_);
  if (phase_ == Phase::kClosed) {
    if (input.empty()) return Event{};
    return fail(DecodeError::kDataAfterClose);
  }
  while (true) {
    if (phase_ == Phase::kHeader) {
      const auto whole = read_header(input);
      if (!whole) return fail(whole.error());
      if (!*whole) return Event{};
    }
    Result result = is_control(frame_.opcode) ? read_control(input) : read_data(input);
    // Without an event and ready for a header: a fragment is finished, its message is not.
    if (!result || result->kind != EventKind::kNeedMore || phase_ == Phase::kPayload) return result;
  }
}

std::expected<bool, DecodeError> Decoder::read_header(BytesView& input) {
  // Parsed in place, unless a former input ended inside of it.
  BytesView bytes = input;
  if (header_size_ > 0) {
    const size_t added = std::min(header_.size() - header_size_, input.size());
    std::copy_n(input.data(), added, header_.data() + header_size_);
    bytes = BytesView(header_.data(), header_size_ + added);
  }
  const auto header = parse_header(bytes, in_message_);
  if (!header) return std::unexpected(header.error());
  if (header->size == 0) {
    // Fewer than 10 bytes, so all of them fit.
    if (header_size_ == 0) std::copy_n(input.data(), input.size(), header_.data());
    header_size_ = static_cast<uint8_t>(bytes.size());
    input.remove_prefix(input.size());
    return false;
  }
  const auto first = static_cast<uint8_t>(bytes[0]);
  frame_ = Frame{header->payload_bytes, static_cast<uint8_t>(first & kOpcodeBits), (first & kFinalBit) != 0};
  input.remove_prefix(header->size - header_size_);
  header_size_ = 0;
  if (!is_control(frame_.opcode)) {
    if (const auto begun = begin_data_frame(); !begun) return std::unexpected(begun.error());
  }
  phase_ = Phase::kPayload;
  return true;
}

std::expected<void, DecodeError> Decoder::begin_data_frame() {
  if (frame_.opcode != kContinuation) {
    text_ = frame_.opcode == kText;
    utf8_.reset();
    fragments_ = 0;
    empty_fragments_ = 0;
  }
  // message_ never exceeds the limit, so this does not wrap.
  if (frame_.payload_left > limits_.message_bytes_max - message_.size()) {
    return std::unexpected(DecodeError::kMessageTooBig);
  }
  if (frame_.final && frame_.opcode != kContinuation) return {};
  in_message_ = true;
  ++counters_.fragments;
  if (++fragments_ > limits_.fragments_max) return std::unexpected(DecodeError::kTooManyFragments);
  // The last one may be empty for free: it ends the message.
  if (frame_.payload_left == 0 && !frame_.final && ++empty_fragments_ > limits_.empty_fragments_max) {
    return std::unexpected(DecodeError::kTooManyEmptyFragments);
  }
  return {};
}

Decoder::Result Decoder::read_data(BytesView& input) {
  const BytesView piece = take(input, frame_.payload_left);
  frame_.payload_left -= piece.size();
  if (text_ && !utf8_.feed(piece)) return fail(DecodeError::kInvalidUtf8);
  const bool message_ends = frame_.final && frame_.payload_left == 0;
  if (message_ends && message_.empty()) return finish_message(piece);
  message_.append(piece);
  if (message_ends) {
    delivered_ = true;
    return finish_message(message_);
  }
  if (frame_.payload_left == 0) phase_ = Phase::kHeader;
  return Event{};
}

Decoder::Result Decoder::finish_message(BytesView payload) {
  if (text_ && !utf8_.complete()) return fail(DecodeError::kInvalidUtf8);
  phase_ = Phase::kHeader;
  in_message_ = false;
  ++counters_.messages;
  counters_.message_bytes += payload.size();
  return Event{text_ ? EventKind::kText : EventKind::kBinary, 0, payload};
}

Decoder::Result Decoder::read_control(BytesView& input) {
  const BytesView piece = take(input, frame_.payload_left);
  frame_.payload_left -= piece.size();
  if (frame_.payload_left == 0 && control_size_ == 0) return finish_control(piece);
  std::copy_n(piece.data(), piece.size(), control_.data() + control_size_);
  control_size_ += static_cast<uint8_t>(piece.size());
  if (frame_.payload_left > 0) return Event{};
  const BytesView whole(control_.data(), control_size_);
  control_size_ = 0;
  return finish_control(whole);
}

Decoder::Result Decoder::finish_control(BytesView payload) {
  phase_ = Phase::kHeader;
  ++counters_.control_frames;
  if (frame_.opcode == kClose) return finish_close(payload);
  return Event{frame_.opcode == kPing ? EventKind::kPing : EventKind::kPong, 0, payload};
}

Decoder::Result Decoder::finish_close(BytesView payload) {
  phase_ = Phase::kClosed;
  // A message that was begun will not be finished.
  in_message_ = false;
  if (payload.empty()) return Event{EventKind::kClose, kCloseNoStatus, {}};
  if (payload.size() == 1) return fail(DecodeError::kClosePayloadOneByte);
  const auto code = static_cast<CloseCode>(big_endian(payload.data(), 2));
  if (!close_code_on_wire(code)) return fail(DecodeError::kBadCloseCode);
  const BytesView reason = payload.substr(2);
  if (!utf8_valid(reason)) return fail(DecodeError::kInvalidUtf8);
  return Event{EventKind::kClose, code, reason};
}

Decoder::Result Decoder::fail(DecodeError error) {
  phase_ = Phase::kFailed;
  error_ = error;
  return std::unexpected(error);
}

void Decoder::release_delivered() {
  delivered_ = false;
  if (message_.capacity() > kRetainedBytesMax) {
    Bytes().swap(message_);
  } else {
    message_.clear();
  }
}

}  // namespace icws::ws
