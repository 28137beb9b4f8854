// The outside world of a run: servers that send each socket its own view of the same messages.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/prng.h"
#include "replica/adapter_port.h"
#include "sim/scheduler.h"

namespace icws::sim {

// Calls of a server towards one socket.
struct SocketSink {
  std::function<void(replica::SocketOpened)> opened;
  std::function<void(replica::SocketMessage)> message;
  std::function<void(replica::SocketClosed)> closed;
};

// What: a feed (`ws://feed/`), a sequence (`ws://sequence/`: the same messages for every client, from its
// first), an echo (`ws://echo/`), a server that takes orders and says
// nothing (`ws://orders/`), and values (`ws://values/`: `[key,milliseconds]`, with the virtual time at
// which each socket is told, and so other ones on every socket). The feed keeps the order within a key on
// every socket and mixes the keys differently. Thread-safety: none. Lifetime: sinks must stay valid until
// disconnect().
class Server {
 public:
  struct Traits {
    Milliseconds gap{40};     // between messages of the feed
    Milliseconds spread{30};  // of delays among keys of one socket
    uint32_t keys = 5;
    uint32_t loss_per_mille = 0;
    Milliseconds stop_after{0};  // the feed falls silent
  };
  Server(Scheduler& scheduler, Prng& prng, Traits traits);

  using SocketId = uint64_t;
  SocketId connect(const std::string& url, SocketSink sink);
  void receive(SocketId socket, const replica::SendCommand& send);
  void disconnect(SocketId socket);
  // Cuts every socket of the feed and refuses new ones for a while.
  void outage(Milliseconds length);

  // Messages of the sequence before the server closes it.
  static constexpr uint64_t kSequenceMessages = 120;
  // Keys of the values.
  static constexpr uint32_t kValueKeys = 3;
  // How many messages of each key the feed has sent.
  const std::map<uint32_t, uint64_t>& sent() const { return sent_; }
  // How often each text has come to `ws://orders`, over all sockets.
  const std::map<std::string, uint32_t>& orders() const { return orders_; }
  static std::string feed_text(uint32_t key, uint64_t serial);
  // The serial in a feed's message, and its key.
  static bool parse_feed_text(const std::string& text, uint32_t& key, uint64_t& serial);

 private:
  struct Socket {
    std::string url;
    SocketSink sink;
    bool feed = false;
    bool open = false;
    std::vector<Milliseconds> delays;  // by key
    std::vector<SimTime> last;         // by key: later messages never overtake
    uint64_t next = 0;                 // sequence server
  };
  void send_feed();
  void send_sequence(SocketId id);
  void send_value(SocketId id);

  Scheduler& scheduler_;
  Prng& prng_;
  Traits traits_;
  SocketId last_socket_ = 0;
  std::map<SocketId, Socket> sockets_;
  std::map<uint32_t, uint64_t> sent_;
  std::map<std::string, uint32_t> orders_;
  SimTime down_until_{0};
};

}  // namespace icws::sim
