#include "adapter/event_message.h"

#include "icws/adapter/v1/adapter.pb.h"
#include "ws/utf8.h"

namespace icws::adapter {
namespace {

// Strings of protobuf are UTF-8; header values and error texts of a server need not be.
std::string text(const std::string& bytes) {
  if (ws::utf8_valid(bytes)) return bytes;
  std::string out;
  for (const char c : bytes) out.push_back(static_cast<unsigned char>(c) < 0x80 ? c : '?');
  return out;
}

}  // namespace

Bytes serialize_opened(uint64_t sequence, const replica::SocketOpened& opened) {
  v1::Event event;
  event.set_sequence(sequence);
  event.mutable_opened()->set_subprotocol(text(opened.subprotocol));
  for (const auto& header : opened.headers) {
    auto& out = *event.mutable_opened()->add_headers();
    out.set_name(text(header.name));
    out.set_value(text(header.value));
  }
  return event.SerializeAsString();
}

Bytes serialize_closed(uint64_t sequence, const replica::SocketClosed& closed) {
  v1::Event event;
  event.set_sequence(sequence);
  auto& out = *event.mutable_closed();
  out.set_clean(closed.clean);
  out.set_code(closed.code);
  out.set_reason(text(closed.reason));
  out.set_cause(static_cast<uint32_t>(closed.cause));
  out.set_detail(text(closed.detail));
  return event.SerializeAsString();
}

Bytes serialize_open_failed(uint64_t sequence, const Failure& failure) {
  v1::Event event;
  event.set_sequence(sequence);
  event.mutable_open_failed()->set_cause(static_cast<uint32_t>(failure.cause));
  event.mutable_open_failed()->set_detail(text(failure.detail));
  return event.SerializeAsString();
}

}  // namespace icws::adapter
