// The parts of EventsResponse that are written by hand, in protobuf's wire format.
//
// Why by hand: an event is written once, when its message arrives, straight into the buffer that gRPC later
// sends from; building protobuf objects for it costs an allocation or two a message. What is written here is,
// byte by byte, what protobuf writes (tests/unit/adapter/event_hub_test.cc); the field numbers are those of
// proto/icws/adapter/v1/adapter.proto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "replica/adapter_port.h"

namespace icws::adapter {

// Bytes that `value` takes as a varint, 1..10.
size_t varint_size(uint64_t value);
// Writes it and returns the place behind.
char* write_varint(char* out, uint64_t value);

// An entry of SocketEvents.events with a Message: its size, then its bytes up to the content, which is to
// follow at the place that is returned.
size_t message_event_size(uint64_t sequence, size_t content_size);
char* write_message_event_head(char* out, uint64_t sequence, replica::MessageKind kind, size_t content_size);
// Of a content below 4 GiB: five tags, the kind, the sequence, and three sizes.
inline constexpr size_t kMessageEventHeadBytesMax = 5 + 1 + 10 + 3 * 5;

// An entry of SocketEvents.events from a serialised Event.
size_t wrapped_event_size(size_t event_size);
char* write_wrapped_event(char* out, BytesView event);

// Appends the beginning of an entry of EventsResponse.sockets, whose events take `events_size` bytes and are
// to follow, and after them `socket_events_tail`. `sent_up_to` as in the proto; 0 leaves it out.
void append_socket_events_head(Bytes& out, const replica::SocketKey& key, size_t events_size,
                               uint64_t sent_up_to);
void append_socket_events_tail(Bytes& out, uint64_t sent_up_to);

}  // namespace icws::adapter
