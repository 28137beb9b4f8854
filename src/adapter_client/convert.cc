#include "adapter_client/convert.h"

#include <utility>

namespace icws::adapter_client {
namespace {

namespace v1 = adapter::v1;
using replica::AdapterEvent;
using replica::SocketEvent;

// Of the proto.
constexpr size_t kSocketsMax = 200'000;

void set_key(v1::SocketKey& out, const replica::SocketKey& key) {
  out.set_connection_id(key.connection.value);
  out.set_epoch(key.epoch.value);
  out.set_attempt(key.attempt.value);
}

replica::SocketKey key_of(const v1::SocketKey& key) {
  return {ConnectionId(key.connection_id()), Epoch(key.epoch()), Attempt(key.attempt())};
}

bool fill(SocketEvent& out, v1::Message& message) {
  if (message.kind() != v1::MESSAGE_KIND_TEXT && message.kind() != v1::MESSAGE_KIND_BINARY) return false;
  out.what = replica::SocketMessage{static_cast<replica::MessageKind>(message.kind()),
                                    std::move(*message.mutable_content())};
  return true;
}

bool fill(SocketEvent& out, v1::Opened& opened) {
  replica::SocketOpened value;
  value.subprotocol = std::move(*opened.mutable_subprotocol());
  for (auto& header : *opened.mutable_headers()) {
    value.headers.push_back({std::move(*header.mutable_name()), std::move(*header.mutable_value())});
  }
  out.what = std::move(value);
  return true;
}

bool fill(SocketEvent& out, v1::Closed& closed) {
  const auto cause = transcript::cause_from(closed.cause());
  if (!cause || closed.code() > 0xffff) return false;
  out.what =
      replica::SocketClosed{closed.clean(), static_cast<uint16_t>(closed.code()),
                            std::move(*closed.mutable_reason()), *cause, std::move(*closed.mutable_detail())};
  return true;
}

bool fill(SocketEvent& out, v1::OpenFailed& failed) {
  const auto cause = transcript::cause_from(failed.cause());
  if (!cause) return false;
  out.what = replica::SocketOpenFailed{*cause, std::move(*failed.mutable_detail())};
  return true;
}

bool fill(SocketEvent& out, v1::Event& event) {
  switch (event.what_case()) {
    case v1::Event::kMessage:
      return fill(out, *event.mutable_message());
    case v1::Event::kOpened:
      return fill(out, *event.mutable_opened());
    case v1::Event::kClosed:
      return fill(out, *event.mutable_closed());
    case v1::Event::kOpenFailed:
      return fill(out, *event.mutable_open_failed());
    case v1::Event::WHAT_NOT_SET:
      return false;
  }
  return false;
}

}  // namespace

v1::OpenRequest request_of(const replica::OpenCommand& command) {
  v1::OpenRequest out;
  set_key(*out.mutable_key(), command.key);
  out.set_url(command.url);
  for (const auto& header : command.headers) {
    auto& entry = *out.add_headers();
    entry.set_name(header.name);
    entry.set_value(header.value);
  }
  out.mutable_subprotocols()->Add(command.subprotocols.begin(), command.subprotocols.end());
  out.mutable_response_headers()->Add(command.response_headers.begin(), command.response_headers.end());
  out.set_message_bytes_max(command.message_bytes_max);
  out.set_compression(command.compression);
  out.set_canister_id(command.canister);
  out.mutable_proxies()->Add(command.proxies.begin(), command.proxies.end());
  return out;
}

v1::SendRequest request_of(const CommandQueue::Sends& sends) {
  v1::SendRequest out;
  set_key(*out.mutable_key(), sends.key);
  for (const auto& message : sends.messages) {
    auto& entry = *out.add_messages();
    entry.set_sequence(message.sequence);
    entry.set_kind(static_cast<v1::MessageKind>(message.kind));
    entry.set_content(message.content);
  }
  return out;
}

v1::CloseRequest request_of(const replica::CloseCommand& command) {
  v1::CloseRequest out;
  set_key(*out.mutable_key(), command.key);
  out.set_code(command.code);
  out.set_reason(command.reason);
  return out;
}

v1::EventsRequest request_of(const std::vector<replica::AcknowledgeCommand>& acknowledgements) {
  v1::EventsRequest out;
  for (const auto& acknowledgement : acknowledgements) {
    auto& entry = *out.add_acknowledgements();
    set_key(*entry.mutable_key(), acknowledgement.key);
    entry.set_event(acknowledgement.event.value);
    entry.set_position(acknowledgement.position.value);
    entry.set_head(acknowledgement.head.view().data(), acknowledgement.head.view().size());
  }
  return out;
}

bool take_part(const v1::Hello& part, std::optional<replica::AdapterUp>& up) {
  if (!up) up = replica::AdapterUp{part.instance(), {}};
  const size_t sockets = up->sockets.size() + static_cast<size_t>(part.sockets_size());
  if (part.instance() != up->instance || sockets > kSocketsMax) return false;
  for (const auto& socket : part.sockets()) {
    up->sockets.push_back({key_of(socket.key()), EventSequence(socket.acknowledged_event()),
                           Position(socket.position()), Digest::from(socket.head()).value_or(Digest{}),
                           socket.accepted_up_to()});
  }
  return true;
}

std::optional<std::vector<AdapterEvent>> events_of(v1::EventsResponse& response) {
  std::vector<AdapterEvent> out;
  size_t count = 0;
  for (const auto& socket : response.sockets()) count += static_cast<size_t>(socket.events_size()) + 1;
  out.reserve(count);
  for (auto& socket : *response.mutable_sockets()) {
    const auto key = key_of(socket.key());
    for (auto& event : *socket.mutable_events()) {
      SocketEvent converted{key, EventSequence(event.sequence()), {}};
      if (!fill(converted, event)) return std::nullopt;
      out.emplace_back(std::move(converted));
    }
    if (socket.sent_up_to() > 0) out.emplace_back(replica::SendProgress{key, socket.sent_up_to()});
  }
  return out;
}

}  // namespace icws::adapter_client
