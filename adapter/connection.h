// One WebSocket connection, from its URL to its end.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "adapter/config.h"
#include "adapter/egress.h"
#include "adapter/event_hub.h"
#include "adapter/failure.h"
#include "adapter/keeper.h"
#include "adapter/log.h"
#include "adapter/metrics.h"
#include "adapter/send_queue.h"
#include "adapter/signal.h"
#include "adapter/stream.h"
#include "adapter/upgrade.h"
#include "adapter/watchdog.h"
#include "replica/adapter_port.h"
#include "ws/decoder.h"

namespace icws::adapter {

// Of the keeper that looks after the deadlines of `config`.
Milliseconds keeper_period(const AdapterConfig& config);

// Of the read buffer that all connections share. Several times a large message: what lies whole in it is
// copied once less; a quarter of a core's second-level cache.
inline constexpr size_t kReadBytes = 256 * 1024;

// What all connections of the I/O thread share.
struct ConnectionParts {
  const AdapterConfig& config;
  Egress& egress;
  EventHub& hub;
  MaskKeys& mask_keys;
  // kReadBytes, used by one connection at a time: what a read brings is decoded before anyone else's turn.
  Bytes& read_buffer;
  Keeper& keeper;
  Metrics& metrics;
  const Log& log;
};

enum class ConnectionState : uint8_t { kConnecting, kOpen, kClosing, kEnded };

// What: opens a socket (with retries of transient failures), reads and decodes, writes, pings, closes; puts
// what happens into the event hub. One coroutine opens and then reads; writing goes on from event to event,
// and the shared keeper looks after the deadlines, since a coroutine for each would cost more memory than all
// else. The reader stops when the hub has no room, at the first message that does not fit: control frames
// before it are answered, what lies behind it waits in the kernel and in TCP. While it stands, the keeper
// sends unsolicited pongs (RFC 6455, section 5.5.3), so that the server and what is between see life.
// Thread-safety: none; the I/O thread, `state` included.
// Ownership: its owner keeps it until run() has ended. The hub's entry is the owner's, too.
// Errors: all become events. After the end: send() is refused, close() does nothing.
class Connection final : private Kept {
 public:
  Connection(boost::asio::any_io_executor executor, replica::OpenCommand request,
             const ConnectionParts& parts);

  // The whole life. Runs once.
  boost::asio::awaitable<void> run();

  // False: it has ended or is closing.
  bool may_send() const { return state_ <= ConnectionState::kOpen; }
  SendQueue::Accepted send(uint64_t sequence, replica::MessageKind kind, BytesView content);
  uint64_t accepted_up_to() const { return queue_.accepted_up_to(); }
  // Starts the closing handshake and gives out no event any more.
  void close(ws::CloseCode code, BytesView reason);
  // Ends every wait: run() returns soon.
  void abort();
  // The hub has room again.
  void room();

  // The owner's note that run() is over. That is later than the state kEnded: what run() came to is told by a
  // handler of its own, which refers to this object.
  void set_joined() { joined_ = true; }
  bool joined() const { return joined_; }

  ConnectionState state() const { return state_; }
  bool paused() const { return paused_; }
  const replica::OpenCommand& request() const { return request_; }
  uint64_t messages_received() const { return messages_received_ + decoder_.counters().messages; }
  uint64_t messages_sent() const { return queue_.messages_encoded(); }

 private:
  using Clock = std::chrono::steady_clock;

  // Ends of a connection, as the replica hears it.
  struct End {
    Failure failure;
    uint16_t code = 1006;
    bool clean = false;
    std::string reason{};
  };

  // connection_open.cc
  boost::asio::awaitable<std::optional<Failure>> open();
  boost::asio::awaitable<std::optional<Failure>> try_open(const ConnectRequest& connect,
                                                          ws::UpgradeRequest& upgrade);
  std::optional<Failure> check_request(ConnectRequest& connect, ws::UpgradeRequest& upgrade) const;
  // Counts the connection, for its whole life.
  std::optional<Failure> take_places(const std::string& destination);
  // Waits for this try's turn.
  boost::asio::awaitable<std::optional<Failure>> wait_turn(const std::string& destination);
  Failure limit_failure(Limit limit);
  boost::asio::awaitable<void> pause(Milliseconds delay);
  ws::DecoderLimits decoder_limits() const;
  void use_compression(const ws::DeflateParameters& parameters);
  void publish_opened(Upgraded upgraded);
  void publish_failed(const Failure& failure);
  void log_failure(std::string_view message, const Failure& failure) const;

  // A message that found no room, and what came behind it.
  struct Held {
    ws::EventKind kind;
    Bytes message;
    Bytes rest;
  };

  // connection_read.cc
  boost::asio::awaitable<void> read();
  // Decodes until the input is used up, the connection ends, or held_ has what found no room.
  // `placed`: of bytes before it, which were read to the decoder's own place.
  void consume(BytesView input, size_t placed = 0);
  std::expected<ws::Event, ws::DecodeError> next_event(BytesView& input, size_t& placed);
  void consume_held();
  bool take(const ws::Event& event);
  bool control_flood();
  void note_unfinished();
  // Adds what was decoded since `before` to the metrics.
  void account(const ws::DecoderCounters& before);
  boost::asio::awaitable<void> stand_until_room();
  // Until the canister and the node may read again.
  boost::asio::awaitable<void> stand_until_paced(const ReceivePacer::Wait& wait);
  void publish();
  boost::asio::awaitable<void> drain();

  // connection_write.cc
  // Writes what is queued, soon: what is queued meanwhile goes with it.
  void request_write();
  void write();
  IoWant write_some();
  bool next_frames();
  void report_sent();

  // connection.cc
  boost::asio::awaitable<void> live();
  void keep(Clock::time_point now) override;
  void keep_open(Clock::time_point now);
  void keep_standing(Clock::time_point now);
  // The first end counts. `close_code`: what we send, if anything.
  void end(End end, std::optional<ws::CloseCode> close_code);
  // For what should not happen: no memory, no randomness.
  void end_internally();
  void publish_end(const End& end);
  // An ended socket is remembered until the replica closes it. Its events are the hub's; here is nothing
  // left.
  void free_buffers();
  bool ended() const { return state_ >= ConnectionState::kClosing; }

  // Of a connection that is open, what only opening needs is freed.
  replica::OpenCommand request_;
  const ConnectionParts parts_;
  ConnectionState state_ = ConnectionState::kConnecting;
  bool joined_ = false;
  Watchdog watchdog_;
  // Of the canister, of the name, of the address; given back at the end.
  std::array<OpenLimiter::Place, 3> places_;
  ReceivePacer::Source pacing_;
  std::unique_ptr<Stream> stream_;
  Bytes leftover_;

  ws::Decoder decoder_;
  // By a decoder that is gone.
  uint64_t messages_received_ = 0;
  EventWriter events_;
  Room room_;
  std::unique_ptr<Held> held_;
  Signal room_news_;
  bool paused_ = false;
  // close() was called: nobody wants events.
  bool forgotten_ = false;
  bool reader_done_ = false;
  bool server_closed_ = false;
  bool pinged_ = false;
  uint64_t control_seen_ = 0;
  Clock::time_point control_window_{};

  SendQueue queue_;
  // Frames, of which written_ bytes are written.
  Bytes out_;
  size_t written_ = 0;
  uint64_t sent_reported_ = 0;
  // write() will be called: it was posted, or waits for the socket.
  bool write_pending_ = false;
  bool writing_ended_ = false;
  Signal write_news_;
  Clock::time_point write_progress_{};

  size_t last_message_bytes_ = 0;
  Clock::time_point last_read_{};
  Clock::time_point last_heartbeat_{};
  Clock::time_point message_begun_{};
  uint64_t messages_before_ = 0;
  Clock::time_point close_deadline_{};
};

}  // namespace icws::adapter
