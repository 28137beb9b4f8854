// An adapter in memory: keeps sockets and unacknowledged events while its replica is away.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "replica/adapter_port.h"
#include "sim/ledger.h"
#include "sim/server.h"

namespace icws::sim {

// What: one replica's adapter. Events go to `deliver` while a replica is attached, with a small delay each.
// Notes in `ledger` what its sockets read. Thread-safety: none. Lifetime: `servers` and `ledger` must outlive
// it.
class Adapter {
 public:
  Adapter(uint32_t member, Scheduler& scheduler, Servers& servers, Ledger& ledger, uint64_t instance);
  ~Adapter();
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;

  // A replica's stream begins: AdapterUp, then every unacknowledged event.
  void attach(std::function<void(replica::AdapterEvent)> deliver);
  void detach();
  void perform(const replica::AdapterCommand& command);
  // Events that a socket keeps at most.
  static constexpr size_t kEventsMax = 256;
  // Events that wait for an acknowledgement, of the sockets that have not ended, and whose server falls
  // silent at a run's end.
  size_t unacknowledged() const;
  // Sends that were numbered with a hole, which an adapter refuses for good.
  uint64_t holes() const { return holes_; }

 private:
  struct Socket {
    Servers::SocketId server_socket = 0;
    bool ended = false;
    bool opened = false;
    bool rests = true;
    uint64_t last_event = 0;
    // Not acknowledged; at most `events_max`.
    std::deque<replica::SocketEvent> events;
    size_t events_max = 0;
    // Not read: what the server sends while the buffer is full.
    std::deque<std::function<void()>> unread;
    replica::SocketStatus status;
  };
  void open(const replica::OpenCommand& open);
  void send(const replica::SendCommand& send);
  void close(const replica::SocketKey& key);
  void acknowledge(const replica::AcknowledgeCommand& acknowledge);
  // Reads `one` as soon as the buffer has room.
  void read(const replica::SocketKey& key, std::function<void()> one);
  void add(const replica::SocketKey& key, decltype(replica::SocketEvent::what) what);
  void flush();

  const uint32_t member_;
  Scheduler& scheduler_;
  Servers& servers_;
  Ledger& ledger_;
  const uint64_t instance_;
  std::map<replica::SocketKey, Socket> sockets_;
  std::function<void(replica::AdapterEvent)> deliver_;
  std::deque<replica::AdapterEvent> outgoing_;
  bool flushing_ = false;
  uint64_t holes_ = 0;
  // Callbacks of the server or the scheduler that come after this adapter has died find this gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace icws::sim
