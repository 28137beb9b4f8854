#include "ws/decoder.h"

#include <algorithm>
#include <cstring>

namespace icws::ws {
namespace {

constexpr uint8_t kFinalBit = 0x80;
constexpr uint8_t kReservedBits = 0x70;
// RSV1: the message is compressed (RFC 7692, section 6).
constexpr uint8_t kCompressedBit = 0x40;
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

// What stands before a frame and decides what it may be.
struct Context {
  bool in_message;
  bool compression;
};

std::expected<void, DecodeError> check_first_byte(uint8_t byte, Context context) {
  const uint8_t opcode = byte & kOpcodeBits;
  const uint8_t reserved = byte & kReservedBits;
  if (reserved != 0) {
    if (reserved != kCompressedBit || !context.compression)
      return std::unexpected(DecodeError::kReservedBits);
    if (opcode == kContinuation || is_control(opcode)) return std::unexpected(DecodeError::kCompressionBit);
  }
  if (opcode > kPong || (opcode > kBinary && opcode < kClose))
    return std::unexpected(DecodeError::kReservedOpcode);
  if (is_control(opcode)) {
    if ((byte & kFinalBit) == 0) return std::unexpected(DecodeError::kFragmentedControl);
  } else if (opcode == kContinuation) {
    if (!context.in_message) return std::unexpected(DecodeError::kUnexpectedContinuation);
  } else if (context.in_message) {
    return std::unexpected(DecodeError::kExpectedContinuation);
  }
  return {};
}

struct Header {
  uint8_t size = 0;  // 0: more of it is to come
  uint64_t payload_bytes = 0;
};

// Reads the header that `bytes` begins with. Each byte is judged as soon as it is there.
std::expected<Header, DecodeError> parse_header(BytesView bytes, Context context) {
  if (bytes.empty()) return Header{};
  const auto first = static_cast<uint8_t>(bytes[0]);
  if (const auto checked = check_first_byte(first, context); !checked)
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
    Result result = is_control(frame_.opcode) ? read_control(input)
                    : compressed_             ? read_compressed(input)
                                              : read_data(input);
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
  const auto header = parse_header(bytes, {in_message_, inflater_.has_value()});
  if (!header) return std::unexpected(header.error());
  if (header->size == 0) {
    // Fewer than 10 bytes, so all of them fit.
    if (header_size_ == 0) std::copy_n(input.data(), input.size(), header_.data());
    header_size_ = static_cast<uint8_t>(bytes.size());
    input.remove_prefix(input.size());
    return false;
  }
  const auto first = static_cast<uint8_t>(bytes[0]);
  frame_ = Frame{header->payload_bytes, static_cast<uint8_t>(first & kOpcodeBits), (first & kFinalBit) != 0,
                 (first & kCompressedBit) != 0};
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
    compressed_ = frame_.compressed;
    compressed_bytes_ = 0;
    utf8_.reset();
    fragments_ = 0;
    empty_fragments_ = 0;
  }
  if (const auto checked = check_size(); !checked) return checked;
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

// What was counted never exceeds its limit, so the differences do not wrap.
std::expected<void, DecodeError> Decoder::check_size() {
  if (compressed_) {
    if (frame_.payload_left > limits_.compressed_bytes_max() - compressed_bytes_) {
      return std::unexpected(DecodeError::kCompressedTooBig);
    }
    compressed_bytes_ += frame_.payload_left;
  } else if (frame_.payload_left > limits_.message_bytes_max - message_.size()) {
    return std::unexpected(DecodeError::kMessageTooBig);
  }
  return {};
}

Decoder::Result Decoder::read_data(BytesView& input) {
  const BytesView piece = take(input, frame_.payload_left);
  frame_.payload_left -= piece.size();
  if (text_ && !utf8_.feed(piece)) return fail(DecodeError::kInvalidUtf8);
  const bool message_ends = frame_.final && frame_.payload_left == 0;
  if (message_ends && message_.empty()) return finish_message(piece);
  if (frame_.payload_left > 0 && !piece.empty()) reserve_ahead(piece.size());
  message_.append(piece);
  return end_of_piece();
}

// For a piece, and for some of what is to come of its frame. (check_size() has seen that the message may have
// all of it.)
void Decoder::reserve_ahead(size_t piece_bytes) {
  const size_t size = message_.size() + piece_bytes;
  const auto ahead =
      static_cast<size_t>(std::min<uint64_t>(frame_.payload_left, std::max(size, kAheadBytes)));
  if (in_message_) {
    message_.make_room(piece_bytes + ahead);
  } else {
    message_.reserve(size + ahead);
  }
}

Decoder::Result Decoder::end_of_piece() {
  if (frame_.payload_left > 0) return Event{};
  phase_ = Phase::kHeader;
  if (!frame_.final) return Event{};
  delivered_ = true;
  return finish_message(message_.view());
}

std::span<char> Decoder::payload_room() {
  const bool data = phase_ == Phase::kPayload && !is_control(frame_.opcode) && !compressed_;
  if (!data || frame_.payload_left < kRoomBytesMin) return {};
  if (message_.capacity() - message_.size() < std::min<uint64_t>(frame_.payload_left, kAheadBytes)) {
    reserve_ahead(0);
  }
  const size_t room = message_.capacity() - message_.size();
  return {message_.end(), static_cast<size_t>(std::min<uint64_t>(frame_.payload_left, room))};
}

Decoder::Result Decoder::filled(size_t bytes) {
  const BytesView piece(message_.end(), bytes);
  message_.advance(bytes);
  frame_.payload_left -= bytes;
  if (text_ && !utf8_.feed(piece)) return fail(DecodeError::kInvalidUtf8);
  return end_of_piece();
}

Decoder::Result Decoder::read_compressed(BytesView& input) {
  const BytesView piece = take(input, frame_.payload_left);
  frame_.payload_left -= piece.size();
  const bool message_ends = frame_.final && frame_.payload_left == 0;
  if (const auto inflated = inflate(piece, message_ends); !inflated) return fail(inflated.error());
  return end_of_piece();
}

std::expected<void, DecodeError> Decoder::inflate(BytesView piece, bool message_ends) {
  const size_t before = message_.size();
  auto inflated = inflater_->feed(piece, message_, limits_.message_bytes_max);
  if (inflated && message_ends) inflated = inflater_->finish(message_, limits_.message_bytes_max);
  // What was inflated came before the error, so its own errors do, too.
  if (text_ && !utf8_.feed(message_.view().substr(before))) {
    return std::unexpected(DecodeError::kInvalidUtf8);
  }
  if (!inflated) {
    return std::unexpected(inflated.error() == InflateError::kTooBig ? DecodeError::kMessageTooBig
                                                                     : DecodeError::kCorruptCompression);
  }
  return message_ends ? settle_inflated() : std::expected<void, DecodeError>();
}

// At the message's end and not before, so that the chunks do not matter; until then the message's own limit
// holds.
std::expected<void, DecodeError> Decoder::settle_inflated() {
  ++counters_.compressed_messages;
  counters_.compressed_bytes += compressed_bytes_;
  counters_.inflated_bytes += message_.size();
  const uint64_t allowed = limits_.inflate_ratio_max * compressed_bytes_;
  const uint64_t owed = inflate_debt_ + message_.size();
  inflate_debt_ = owed - std::min(owed, allowed);
  if (inflate_debt_ > limits_.message_bytes_max) return std::unexpected(DecodeError::kInflatesTooMuch);
  return {};
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

void Decoder::retire() {
  if (phase_ != Phase::kFailed) (void)fail(DecodeError::kDataAfterClose);
  in_message_ = false;
  delivered_ = false;
  header_size_ = 0;
  message_ = {};
  inflater_.reset();
}

void Decoder::release_idle() {
  if (unfinished()) return;
  delivered_ = false;
  message_ = {};
  if (inflater_) inflater_->release_idle();
}

void Decoder::release_delivered() {
  delivered_ = false;
  if (message_.capacity() > kRetainedBytesMax) {
    message_ = {};
  } else {
    message_.clear();
  }
}

}  // namespace icws::ws
