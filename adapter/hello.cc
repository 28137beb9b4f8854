#include "adapter/hello.h"

#include <algorithm>
#include <span>

#include "icws/adapter/v1/adapter.pb.h"

namespace icws::adapter {
namespace {

void fill(v1::SocketStatus& out, const replica::SocketStatus& socket) {
  out.mutable_key()->set_connection_id(socket.key.connection.value);
  out.mutable_key()->set_epoch(socket.key.epoch.value);
  out.mutable_key()->set_attempt(socket.key.attempt.value);
  out.set_acknowledged_event(socket.acknowledged.value);
  out.set_position(socket.position.value);
  if (socket.head != Digest{}) out.set_head(socket.head.view().data(), socket.head.view().size());
  out.set_accepted_up_to(socket.accepted_send);
}

}  // namespace

std::vector<Bytes> serialize_hello(uint64_t instance, const std::vector<replica::SocketStatus>& sockets) {
  std::vector<Bytes> out;
  std::span<const replica::SocketStatus> left(sockets);
  do {
    const auto part = left.first(std::min(left.size(), kHelloSocketsMax));
    left = left.subspan(part.size());
    v1::EventsResponse response;
    auto& hello = *response.mutable_hello();
    hello.set_instance(instance);
    for (const auto& socket : part) fill(*hello.add_sockets(), socket);
    hello.set_more(!left.empty());
    out.push_back(response.SerializeAsString());
  } while (!left.empty());
  return out;
}

}  // namespace icws::adapter
