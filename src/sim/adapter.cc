#include "sim/adapter.h"

#include <utility>

namespace icws::sim {
namespace {

// Events that a socket keeps until they are acknowledged. Of an ordered one so few that a replica's absence
// of a second fills it; of a feed, as with the real limits, more than what comes in `drop_after`: for so long
// may one item that finds no quorum hold up the acknowledgement of what came after it.
constexpr size_t kOrderedEvents = 24;
constexpr size_t kFeedEvents = 96;

size_t events_max(const ConnectionPlan& plan) {
  if (!plan.feed()) return kOrderedEvents;
  return plan.kind == ServerKind::Capture || plan.burst > 3 ? Adapter::kEventsMax : kFeedEvents;
}

}  // namespace

using replica::SocketKey;

Adapter::Adapter(uint32_t member, Scheduler& scheduler, Servers& servers, Ledger& ledger, uint64_t instance)
    : member_(member), scheduler_(scheduler), servers_(servers), ledger_(ledger), instance_(instance) {}

Adapter::~Adapter() {
  *alive_ = false;
  for (auto& [key, socket] : sockets_) servers_.disconnect(socket.server_socket);
}

void Adapter::attach(std::function<void(replica::AdapterEvent)> deliver) {
  deliver_ = std::move(deliver);
  outgoing_.clear();
  replica::AdapterUp up{instance_, {}};
  for (auto& [key, socket] : sockets_) up.sockets.push_back(socket.status);
  outgoing_.push_back(std::move(up));
  for (auto& [key, socket] : sockets_) {
    for (const replica::SocketEvent& event : socket.events) outgoing_.push_back(event);
    outgoing_.push_back(replica::SendProgress{key, socket.status.accepted_send});
  }
  flush();
}

void Adapter::detach() {
  deliver_ = nullptr;
  outgoing_.clear();
}

void Adapter::flush() {
  if (flushing_ || !deliver_ || outgoing_.empty()) return;
  flushing_ = true;
  scheduler_.after(Milliseconds(1), [this, alive = alive_] {
    if (!*alive) return;
    flushing_ = false;
    auto batch = std::exchange(outgoing_, {});
    for (replica::AdapterEvent& event : batch) {
      if (deliver_) deliver_(std::move(event));
    }
    flush();
  });
}

void Adapter::add(const SocketKey& key, decltype(replica::SocketEvent::what) what) {
  const auto it = sockets_.find(key);
  if (it == sockets_.end()) return;
  replica::SocketEvent event{key, EventSequence(++it->second.last_event), std::move(what)};
  it->second.events.push_back(event);
  if (deliver_) outgoing_.push_back(std::move(event));
  flush();
}

void Adapter::perform(const replica::AdapterCommand& command) {
  std::visit(
      [this](const auto& one) {
        using T = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<T, replica::OpenCommand>) open(one);
        if constexpr (std::is_same_v<T, replica::SendCommand>) send(one);
        if constexpr (std::is_same_v<T, replica::CloseCommand>) close(one.key);
        if constexpr (std::is_same_v<T, replica::AcknowledgeCommand>) acknowledge(one);
      },
      command);
}

void Adapter::open(const replica::OpenCommand& open) {
  const SocketKey key = open.key;
  if (sockets_.contains(key)) return;
  Socket& socket = sockets_[key];
  socket.status.key = key;
  const ConnectionPlan& plan = servers_.plan_of(open.url);
  socket.events_max = events_max(plan);
  socket.rests = plan.kind != ServerKind::Values;
  SocketSink sink;
  sink.opened = [this, key, alive = alive_](replica::SocketOpened opened) {
    if (!*alive) return;
    read(key, [this, key, opened = std::move(opened)] {
      sockets_.at(key).opened = true;
      ledger_.opened(member_, key);
      add(key, opened);
    });
  };
  sink.message = [this, key, alive = alive_](replica::SocketMessage message, std::string canonical) {
    if (!*alive) return;
    read(key, [this, key, message = std::move(message), canonical = std::move(canonical)] {
      ledger_.saw(member_, key, canonical, scheduler_.now());
      add(key, message);
    });
  };
  sink.closed = [this, key, alive = alive_](replica::SocketClosed closed) {
    if (!*alive) return;
    read(key, [this, key, closed = std::move(closed)] {
      ledger_.closed(member_, closed.clean ? transcript::Cause::Server : closed.cause);
      Socket& ended = sockets_.at(key);
      ended.ended = true;
      if (ended.opened) return add(key, closed);
      add(key, replica::SocketOpenFailed{closed.cause, closed.detail});
    });
  };
  socket.server_socket = servers_.connect(open.url, member_, std::move(sink));
}

void Adapter::read(const SocketKey& key, std::function<void()> one) {
  const auto it = sockets_.find(key);
  if (it == sockets_.end()) return;
  if (it->second.unread.empty() && it->second.events.size() < it->second.events_max) return one();
  it->second.unread.push_back(std::move(one));
}

void Adapter::send(const replica::SendCommand& send) {
  const auto it = sockets_.find(send.key);
  if (it == sockets_.end()) return;
  holes_ += send.sequence > it->second.status.accepted_send + 1;
  if (send.sequence != it->second.status.accepted_send + 1) return;
  it->second.status.accepted_send = send.sequence;
  ledger_.wrote(member_, send.key.connection, send.content);
  servers_.receive(it->second.server_socket, send);
  if (deliver_) outgoing_.push_back(replica::SendProgress{send.key, send.sequence});
  flush();
}

void Adapter::close(const SocketKey& key) {
  const auto it = sockets_.find(key);
  if (it == sockets_.end()) return;
  servers_.disconnect(it->second.server_socket);
  sockets_.erase(it);
}

void Adapter::acknowledge(const replica::AcknowledgeCommand& acknowledge) {
  const auto it = sockets_.find(acknowledge.key);
  if (it == sockets_.end() || acknowledge.event <= it->second.status.acknowledged) return;
  Socket& socket = it->second;
  socket.status.acknowledged = acknowledge.event;
  socket.status.position = acknowledge.position;
  socket.status.head = acknowledge.head;
  while (!socket.events.empty() && socket.events.front().sequence <= acknowledge.event)
    socket.events.pop_front();
  while (!socket.unread.empty() && socket.events.size() < socket.events_max) {
    const std::function<void()> one = std::move(socket.unread.front());
    socket.unread.pop_front();
    one();
  }
}

size_t Adapter::unacknowledged() const {
  size_t out = 0;
  for (const auto& [key, socket] : sockets_) {
    if (!socket.ended && socket.rests) out += socket.events.size() + socket.unread.size();
  }
  return out;
}

}  // namespace icws::sim
