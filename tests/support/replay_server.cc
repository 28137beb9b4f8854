#include "tests/support/replay_server.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <charconv>
#include <stdexcept>

namespace icws::support {
namespace {

// How many messages are queued at once when there is no recorded time to keep.
constexpr size_t kBatch = 32;

// The N of `?client=N`.
std::optional<size_t> named_slot(const std::string& target) {
  const auto url = boost::urls::parse_origin_form(target);
  if (!url) return std::nullopt;
  const auto params = url->params();
  const auto found = params.find("client");
  if (found == params.end()) return std::nullopt;
  const std::string text = (*found).value;
  size_t slot = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slot);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return slot;
}

}  // namespace

// Everything but start, stop and progress runs on the server's thread.
class ReplayServer::Impl final : public WebSocketHandler {
 public:
  Impl(std::vector<RecordedStream> streams, ReplayOptions options)
      : streams_(std::move(streams)), options_(std::move(options)), server_(*this, options_.server) {}
  ~Impl() override { server_.stop(); }

  void on_open(WebSocketPeer& peer) override {
    Client client;
    client.slot = named_slot(peer.target()).value_or(lowest_free_slot());
    client.stream = &streams_[client.slot % streams_.size()];
    if (options_.from_now && used_[client.slot]) join_now(client);
    used_[client.slot] = true;
    progress_.update([&](ReplayProgress& progress) {
      ++progress.accepted;
      ++progress.open;
      progress.next[client.slot] = client.next;
      progress.subscriptions[client.slot] = 0;
    });
    clients_[&peer] = client;
    begin_if_subscribed(peer, clients_[&peer]);
  }

  void on_message(WebSocketPeer& peer, const Bytes&, bool) override {
    Client& client = clients_[&peer];
    ++client.subscriptions;
    progress_.update(
        [&](ReplayProgress& progress) { progress.subscriptions[client.slot] = client.subscriptions; });
    begin_if_subscribed(peer, client);
  }

  void on_timer(WebSocketPeer& peer) override { send_next(peer, clients_[&peer]); }

  void on_sent(WebSocketPeer& peer) override {
    Client& client = clients_[&peer];
    client.busy = false;
    progress_.update([&](ReplayProgress& progress) { progress.next[client.slot] = client.next; });
    serve(peer, client);
  }

  void on_closed(WebSocketPeer& peer) override {
    clients_.erase(&peer);
    progress_.update([](ReplayProgress& progress) { --progress.open; });
  }

  void stop() {
    server_.stop();
    clients_.clear();
    progress_.update([](ReplayProgress& progress) { progress.open = 0; });
  }

  void start() { server_.start(); }

  void advance_to(size_t count) {
    server_.post([this, count](const std::vector<WebSocketPeer*>& open) {
      options_.hold_at = std::max(options_.hold_at, count);
      for (WebSocketPeer* peer : open) serve(*peer, clients_[peer]);
    });
  }

  size_t length(size_t slot) const { return streams_[slot % streams_.size()].messages.size(); }
  WebSocketServer& server() { return server_; }
  const Watched<ReplayProgress>& progress() const { return progress_; }

 private:
  struct Client {
    size_t slot = 0;
    const RecordedStream* stream = nullptr;
    size_t subscriptions = 0;
    size_t next = 0;        // the message to serve next
    int64_t cursor_us = 0;  // stream time of the message served last
    bool begun = false;
    bool busy = false;  // a timer or a write is pending
  };

  size_t lowest_free_slot() const {
    size_t slot = 0;
    const auto taken = [&](const auto& entry) { return entry.second.slot == slot; };
    while (std::any_of(clients_.begin(), clients_.end(), taken)) ++slot;
    return slot;
  }

  void join_now(Client& client) {
    const auto& messages = client.stream->messages;
    const auto first =
        std::upper_bound(messages.begin(), messages.end(), stream_time_us_,
                         [](int64_t at, const TimedMessage& message) { return at < message.at_us; });
    client.next = static_cast<size_t>(first - messages.begin());
    client.cursor_us = stream_time_us_;
  }

  void begin_if_subscribed(WebSocketPeer& peer, Client& client) {
    const size_t expected = options_.subscriptions_expected.value_or(client.stream->subscriptions.size());
    if (client.begun || client.subscriptions < expected) return;
    client.begun = true;
    serve(peer, client);
  }

  void serve(WebSocketPeer& peer, Client& client) {
    if (!client.begun || client.busy) return;
    const auto& messages = client.stream->messages;
    const size_t limit = std::min(messages.size(), options_.hold_at);
    if (client.next >= limit) {
      if (client.next >= messages.size() && options_.close_at_end) peer.close(1000, "");
      return;
    }
    client.busy = true;
    if (options_.speed > 0) {
      const auto wait_us =
          static_cast<double>(messages[client.next].at_us - client.cursor_us) / options_.speed;
      peer.arm_timer(std::chrono::microseconds(static_cast<int64_t>(wait_us)));
      return;
    }
    for (size_t end = std::min(limit, client.next + kBatch); client.next < end;) send_next(peer, client);
  }

  void send_next(WebSocketPeer& peer, Client& client) {
    const TimedMessage& message = client.stream->messages[client.next];
    ++client.next;
    client.cursor_us = message.at_us;
    stream_time_us_ = std::max(stream_time_us_, message.at_us);
    peer.send(message.text, false);
  }

  const std::vector<RecordedStream> streams_;
  ReplayOptions options_;
  std::map<WebSocketPeer*, Client> clients_;
  std::map<size_t, bool> used_;  // by slot: had a client before
  int64_t stream_time_us_ = 0;   // the latest that any client was served
  Watched<ReplayProgress> progress_;
  WebSocketServer server_;  // last: its thread uses the members above
};

ReplayServer::ReplayServer(std::vector<RecordedStream> streams, ReplayOptions options) {
  if (streams.empty()) throw std::invalid_argument("a replay server needs at least one stream");
  impl_ = std::make_unique<Impl>(std::move(streams), std::move(options));
}

ReplayServer::~ReplayServer() = default;
uint16_t ReplayServer::port() const { return impl_->server().port(); }
std::string ReplayServer::url() const { return impl_->server().url(); }
void ReplayServer::stop() { impl_->stop(); }
void ReplayServer::start() { impl_->start(); }
void ReplayServer::advance_to(size_t count) { impl_->advance_to(count); }
const Watched<ReplayProgress>& ReplayServer::progress() const { return impl_->progress(); }

void ReplayServer::cut_all() {
  impl_->server().post([](const std::vector<WebSocketPeer*>& open) {
    for (WebSocketPeer* peer : open) peer->cut();
  });
}

void ReplayServer::close_all(uint16_t code) {
  impl_->server().post([code](const std::vector<WebSocketPeer*>& open) {
    for (WebSocketPeer* peer : open) peer->close(code, "");
  });
}

bool ReplayServer::wait_served(size_t clients, size_t count, std::chrono::milliseconds deadline) const {
  return progress().wait_until(
      [&](const ReplayProgress& progress) {
        const auto served = [&](const auto& entry) {
          return entry.second >= std::min(count, impl_->length(entry.first));
        };
        return std::count_if(progress.next.begin(), progress.next.end(), served) >=
               static_cast<std::ptrdiff_t>(clients);
      },
      deadline);
}

}  // namespace icws::support
