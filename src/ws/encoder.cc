#include "ws/encoder.h"

#include <cstring>

#include "ws/utf8.h"

namespace icws::ws {
namespace {

constexpr uint8_t kFinalBit = 0x80;
constexpr uint8_t kCompressedBit = 0x40;
constexpr uint8_t kMaskBit = 0x80;
constexpr uint8_t kText = 1;
constexpr uint8_t kBinary = 2;
constexpr uint8_t kClose = 8;
constexpr uint8_t kPing = 9;
constexpr uint8_t kPong = 10;

void append_big_endian(Bytes& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void append_frame(Bytes& out, uint8_t opcode, BytesView payload, MaskKey key) {
  out.push_back(static_cast<char>(kFinalBit | opcode));
  if (payload.size() <= kControlBytesMax) {
    out.push_back(static_cast<char>(kMaskBit | payload.size()));
  } else if (payload.size() <= 0xFFFF) {
    out.push_back(static_cast<char>(kMaskBit | 126));
    append_big_endian(out, payload.size(), 2);
  } else {
    out.push_back(static_cast<char>(kMaskBit | 127));
    append_big_endian(out, payload.size(), 8);
  }
  out.append(reinterpret_cast<const char*>(key.data()), key.size());
  const size_t begin = out.size();
  out.append(payload);
  apply_mask(out.data() + begin, payload.size(), key);
}

void append_message(Bytes& out, uint8_t opcode, BytesView payload, MaskKey key, Deflater* deflater) {
  Bytes compressed;
  if (deflater != nullptr && deflater->compress(payload, compressed)) {
    append_frame(out, opcode | kCompressedBit, compressed, key);
  } else {
    append_frame(out, opcode, payload, key);
  }
}

}  // namespace

std::string_view describe(EncodeError error) {
  switch (error) {
    case EncodeError::kInvalidUtf8:
      return "the text is not valid UTF-8; send it as binary";
    case EncodeError::kControlTooLong:
      return "a ping or pong holds at most 125 bytes, a close reason 123";
    case EncodeError::kBadCloseCode:
      return "the close code must be 1000-1003, 1007-1014 or 3000-4999";
  }
  return "unknown error";
}

void apply_mask(char* data, size_t size, MaskKey key) {
  char twice[8];
  std::memcpy(twice, key.data(), 4);
  std::memcpy(twice + 4, key.data(), 4);
  uint64_t key_word;
  std::memcpy(&key_word, twice, 8);
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    std::memcpy(&word, data + i, 8);
    word ^= key_word;
    std::memcpy(data + i, &word, 8);
  }
  for (; i < size; ++i) data[i] = static_cast<char>(data[i] ^ twice[i & 7]);
}

Encoded append_text(Bytes& out, BytesView payload, MaskKey key, Deflater* deflater) {
  if (!utf8_valid(payload)) return std::unexpected(EncodeError::kInvalidUtf8);
  append_message(out, kText, payload, key, deflater);
  return {};
}

void append_binary(Bytes& out, BytesView payload, MaskKey key, Deflater* deflater) {
  append_message(out, kBinary, payload, key, deflater);
}

Encoded append_ping(Bytes& out, BytesView payload, MaskKey key) {
  if (payload.size() > kControlBytesMax) return std::unexpected(EncodeError::kControlTooLong);
  append_frame(out, kPing, payload, key);
  return {};
}

Encoded append_pong(Bytes& out, BytesView payload, MaskKey key) {
  if (payload.size() > kControlBytesMax) return std::unexpected(EncodeError::kControlTooLong);
  append_frame(out, kPong, payload, key);
  return {};
}

Encoded append_close(Bytes& out, CloseCode code, BytesView reason, MaskKey key) {
  if (code == kCloseNoStatus && reason.empty()) {
    append_frame(out, kClose, {}, key);
    return {};
  }
  if (!close_code_on_wire(code)) return std::unexpected(EncodeError::kBadCloseCode);
  if (reason.size() > kCloseReasonBytesMax) return std::unexpected(EncodeError::kControlTooLong);
  if (!utf8_valid(reason)) return std::unexpected(EncodeError::kInvalidUtf8);
  Bytes payload;
  append_big_endian(payload, code, 2);
  payload.append(reason);
  append_frame(out, kClose, payload, key);
  return {};
}

BytesView fit_close_reason(BytesView reason) {
  if (reason.size() <= kCloseReasonBytesMax) return reason;
  size_t size = kCloseReasonBytesMax;
  // Back to where a code point begins; a code point has at most three continuation bytes.
  while (size > kCloseReasonBytesMax - 3 && (static_cast<uint8_t>(reason[size]) & 0xC0) == 0x80) --size;
  return reason.substr(0, size);
}

}  // namespace icws::ws
