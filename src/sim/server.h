// The outside world of a run: servers that send each socket its own view of the same messages.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/prng.h"
#include "replica/adapter_port.h"
#include "sim/captures.h"
#include "sim/plan.h"
#include "sim/scheduler.h"

namespace icws::sim {

// Calls of a server towards one socket. `canonical`: what the transform leaves of the message.
struct SocketSink {
  std::function<void(replica::SocketOpened)> opened;
  std::function<void(replica::SocketMessage, std::string canonical)> message;
  std::function<void(replica::SocketClosed)> closed;
};

// What: one server for each connection of a plan; a connection's url is url_of(its place in the plan). What a
// server says follows from the plan alone, what a socket gets of it from the plan and the socket's count, so
// that a plan with one fault less stays the same otherwise. Thread-safety: none. Lifetime: sinks must stay
// valid until disconnect(); `plan` and `captures` (may be null) must outlive it.
class Servers {
 public:
  Servers(Scheduler& scheduler, const Plan& plan, const Captures* captures);

  using SocketId = uint64_t;
  SocketId connect(const std::string& url, uint32_t member, SocketSink sink);
  void receive(SocketId socket, const replica::SendCommand& send);
  void disconnect(SocketId socket);
  // Cuts every socket of the feeds and refuses new ones for a while.
  void outage(Milliseconds length);
  // Cuts the sockets of one member.
  void cut(uint32_t member);

  static std::string url_of(size_t connection);
  static size_t connection_of(const std::string& url);
  const ConnectionPlan& plan_of(const std::string& url) const;
  // Where a feed's message stands among those of its key; none: it has no place, for it is repeated or no
  // order is kept.
  std::optional<Place> place(size_t connection, const std::string& canonical) const;
  // The message at a place of a synthetic feed.
  std::optional<std::string> text_at(size_t connection, const Place& place) const;
  // Messages of the sequence before the server closes it.
  static constexpr uint64_t kSequenceMessages = 100;
  // What a sequence's server says at `number`, from 1, to members that it does not lie to.
  static std::string sequence_text(uint64_t number);
  // Which of so many lies a member is told.
  static constexpr uint32_t kLies = 3;
  static uint32_t lie_of(uint32_t member) { return member % kLies; }
  // Sends that came twice on a socket, or with a hole, and whose they are.
  struct SendFault {
    uint32_t member = 0;
    std::string what;
  };
  const std::vector<SendFault>& send_faults() const { return send_faults_; }
  // How often each text has come to a server of orders, over all sockets.
  const std::map<std::string, uint32_t>& orders() const { return orders_; }
  // Keys of a server of values, which says `[key,milliseconds]`.
  static constexpr uint32_t kValueKeys = 3;
  // Numbers of a message that a canister sent: "<word><number>".
  static uint64_t number_in(const std::string& text);

 private:
  struct Socket {
    size_t connection = 0;
    uint32_t member = 0;
    SocketSink sink;
    bool open = false;
    Prng prng{0};
    std::map<std::string, Milliseconds> delays;  // by key
    std::map<std::string, SimTime> last;         // by key: later messages never overtake
    uint64_t next = 0;                           // of the sequence or the capture
    uint64_t last_send = 0;
  };
  struct Feed {
    Prng prng{0};
    std::map<uint32_t, uint64_t> sent;
  };
  bool silent() const { return scheduler_.now() >= silent_from_; }
  // Some member hears the connection's sequence now: who comes beside it hears the same.
  bool plays(size_t connection) const;
  void send_feed(size_t connection);
  void feed_message(size_t connection);
  void deliver(Socket& socket, SocketId id, const std::string& key, const std::string& text,
               const std::string& canonical);
  void send_capture(SocketId id);
  void send_sequence(SocketId id);
  void send_value(SocketId id);
  void on_connected(SocketId id);
  void cut_where(const std::function<bool(const Socket&)>& which);

  Scheduler& scheduler_;
  const Plan& plan_;
  const Captures* const captures_;
  const SimTime silent_from_;
  SocketId last_socket_ = 0;
  std::map<SocketId, Socket> sockets_;
  std::map<std::pair<size_t, uint32_t>, uint64_t> connects_;
  std::vector<Feed> feeds_;
  SimTime down_until_{0};
  std::map<std::string, uint32_t> orders_;
  std::vector<SendFault> send_faults_;
};

}  // namespace icws::sim
