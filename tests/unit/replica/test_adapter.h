// One replica's adapter under a test's hand: keeps what is not acknowledged, and repeats it on request.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "replica/adapter_port.h"

namespace icws::replica {

// What: sockets as a real adapter keeps them, and a record of every command. Thread-safety: none.
class TestAdapter {
 public:
  struct Socket {
    OpenCommand open;
    SocketStatus status;
    uint64_t last_event = 0;
    std::deque<SocketEvent> events;
    std::vector<SendCommand> sends;
  };
  using Deliver = std::function<void(AdapterEvent)>;

  void perform(const AdapterCommand& command);
  // The socket's next event; kept, and handed on if a replica is attached.
  void add(const SocketKey& key, decltype(SocketEvent::what) what);
  // A stream begins: AdapterUp and everything that is not acknowledged.
  void attach(Deliver deliver);
  void detach() { deliver_ = nullptr; }
  // Everything up to the newest accepted send is written.
  void confirm_sends(const SocketKey& key);
  // A new process: all sockets are gone.
  void restart();

  // The newest socket of a connection; must exist.
  SocketKey newest(ConnectionId id) const;
  bool has_socket(ConnectionId id) const {
    return std::ranges::any_of(sockets_, [id](const auto& socket) { return socket.first.connection == id; });
  }
  Socket& socket(const SocketKey& key) { return sockets_.at(key); }
  size_t size() const { return sockets_.size(); }

  // Every command since the test began, in order.
  std::vector<AdapterCommand> commands;
  template <class Command>
  std::vector<Command> all() const {
    std::vector<Command> out;
    for (const AdapterCommand& command : commands) {
      if (const auto* one = std::get_if<Command>(&command)) out.push_back(*one);
    }
    return out;
  }

 private:
  uint64_t instance_ = 1;
  std::map<SocketKey, Socket> sockets_;
  Deliver deliver_;
};

}  // namespace icws::replica
