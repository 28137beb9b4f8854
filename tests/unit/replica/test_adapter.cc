#include "tests/unit/replica/test_adapter.h"

#include <algorithm>
#include <stdexcept>

namespace icws::replica {

void TestAdapter::perform(const AdapterCommand& command) {
  commands.push_back(command);
  if (const auto* open = std::get_if<OpenCommand>(&command)) {
    if (sockets_.contains(open->key)) return;
    Socket& socket = sockets_[open->key];
    socket.open = *open;
    socket.status.key = open->key;
  } else if (const auto* close = std::get_if<CloseCommand>(&command)) {
    sockets_.erase(close->key);
  } else if (const auto* send = std::get_if<SendCommand>(&command)) {
    const auto it = sockets_.find(send->key);
    // As the real one: what leaves a hole is not taken.
    if (it == sockets_.end() || send->sequence != it->second.status.accepted_send + 1) return;
    it->second.status.accepted_send = send->sequence;
    it->second.sends.push_back(*send);
  } else {
    const auto& acknowledge = std::get<AcknowledgeCommand>(command);
    const auto it = sockets_.find(acknowledge.key);
    if (it == sockets_.end()) return;
    SocketStatus& status = it->second.status;
    status.acknowledged = std::max(status.acknowledged, acknowledge.event);
    status.position = acknowledge.position;
    status.head = acknowledge.head;
    std::erase_if(it->second.events,
                  [&](const SocketEvent& event) { return event.sequence <= status.acknowledged; });
  }
}

void TestAdapter::add(const SocketKey& key, decltype(SocketEvent::what) what) {
  const auto it = sockets_.find(key);
  if (it == sockets_.end()) throw std::logic_error("the adapter has no such socket");
  const SocketEvent event{key, EventSequence(++it->second.last_event), std::move(what)};
  it->second.events.push_back(event);
  if (deliver_) deliver_(event);
}

void TestAdapter::attach(Deliver deliver) {
  deliver_ = std::move(deliver);
  AdapterUp up{instance_, {}};
  for (const auto& [key, socket] : sockets_) up.sockets.push_back(socket.status);
  // A copy: what is delivered may end sockets.
  const auto sockets = sockets_;
  deliver_(std::move(up));
  for (const auto& [key, socket] : sockets) {
    for (const SocketEvent& event : socket.events) deliver_(event);
  }
}

void TestAdapter::confirm_sends(const SocketKey& key) {
  if (deliver_) deliver_(SendProgress{key, sockets_.at(key).status.accepted_send});
}

void TestAdapter::restart() {
  ++instance_;
  sockets_.clear();
  if (!deliver_) return;
  deliver_(AdapterDown{});
  attach(deliver_);
}

SocketKey TestAdapter::newest(ConnectionId id) const {
  const SocketKey* out = nullptr;
  for (const auto& [key, socket] : sockets_) {
    if (key.connection == id) out = &key;
  }
  if (out == nullptr)
    throw std::logic_error("the adapter has no socket of connection " + std::to_string(id.value));
  return *out;
}

}  // namespace icws::replica
