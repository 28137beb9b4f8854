#include "adapter/event_wire.h"

#include <bit>
#include <cstring>

namespace icws::adapter {
namespace {

// Tags: field number << 3 | wire type (0 varint, 2 length-delimited).
constexpr char kResponseSockets = 2 << 3 | 2;
constexpr char kSocketEventsKey = 1 << 3 | 2;
constexpr char kSocketEventsEvents = 2 << 3 | 2;
constexpr char kSocketEventsSentUpTo = 3 << 3 | 0;
constexpr char kKeyConnection = 1 << 3 | 0;
constexpr char kKeyEpoch = 2 << 3 | 0;
constexpr char kKeyAttempt = 3 << 3 | 0;
constexpr char kEventSequence = 1 << 3 | 0;
constexpr char kEventMessage = 3 << 3 | 2;
constexpr char kMessageKind = 1 << 3 | 0;
constexpr char kMessageContent = 2 << 3 | 2;

// Zero is proto3's default and not written.
size_t varint_field_size(uint64_t value) { return value == 0 ? 0 : 1 + varint_size(value); }

char* write_varint_field(char* out, char tag, uint64_t value) {
  if (value == 0) return out;
  *out++ = tag;
  return write_varint(out, value);
}

size_t message_size(size_t content_size) {
  // The kind is 1 or 2: always written, in one byte.
  return 2 + (content_size == 0 ? 0 : 1 + varint_size(content_size) + content_size);
}

size_t event_size(uint64_t sequence, size_t message) {
  return varint_field_size(sequence) + 1 + varint_size(message) + message;
}

size_t key_size(const replica::SocketKey& key) {
  return varint_field_size(key.connection.value) + varint_field_size(key.epoch.value) +
         varint_field_size(key.attempt.value);
}

}  // namespace

size_t varint_size(uint64_t value) { return (std::bit_width(value | 1) + 6) / 7; }

char* write_varint(char* out, uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}

size_t message_event_size(uint64_t sequence, size_t content_size) {
  return wrapped_event_size(event_size(sequence, message_size(content_size)));
}

char* write_message_event_head(char* out, uint64_t sequence, replica::MessageKind kind, size_t content_size) {
  const size_t message = message_size(content_size);
  *out++ = kSocketEventsEvents;
  out = write_varint(out, event_size(sequence, message));
  out = write_varint_field(out, kEventSequence, sequence);
  *out++ = kEventMessage;
  out = write_varint(out, message);
  out = write_varint_field(out, kMessageKind, static_cast<uint64_t>(kind));
  if (content_size == 0) return out;
  *out++ = kMessageContent;
  return write_varint(out, content_size);
}

size_t wrapped_event_size(size_t event_size) { return 1 + varint_size(event_size) + event_size; }

char* write_wrapped_event(char* out, BytesView event) {
  *out++ = kSocketEventsEvents;
  out = write_varint(out, event.size());
  std::memcpy(out, event.data(), event.size());
  return out + event.size();
}

void append_socket_events_head(Bytes& out, const replica::SocketKey& key, size_t events_size,
                               uint64_t sent_up_to) {
  const size_t inner = key_size(key);
  const size_t total = 1 + varint_size(inner) + inner + events_size + varint_field_size(sent_up_to);
  char head[64];
  char* end = head;
  *end++ = kResponseSockets;
  end = write_varint(end, total);
  *end++ = kSocketEventsKey;
  end = write_varint(end, inner);
  end = write_varint_field(end, kKeyConnection, key.connection.value);
  end = write_varint_field(end, kKeyEpoch, key.epoch.value);
  end = write_varint_field(end, kKeyAttempt, key.attempt.value);
  out.append(head, end);
}

void append_socket_events_tail(Bytes& out, uint64_t sent_up_to) {
  char tail[16];
  out.append(tail, write_varint_field(tail, kSocketEventsSentUpTo, sent_up_to));
}

}  // namespace icws::adapter
