#include "tests/support/echo_server.h"

#include <map>

namespace icws::support {

class EchoServer::Impl final : public WebSocketHandler {
 public:
  explicit Impl(EchoOptions options) : options_(std::move(options)), server_(*this, options_.server) {}
  ~Impl() override { server_.stop(); }

  void on_open(WebSocketPeer& peer) override {
    echoed_[&peer] = 0;
    progress_.update([&](EchoProgress& progress) {
      ++progress.accepted;
      if (peer.offers_compression()) ++progress.offers;
      ++progress.open;
    });
  }

  void on_message(WebSocketPeer& peer, const Bytes& message, bool binary) override {
    peer.send(message, binary);
    if (++echoed_[&peer] == options_.close_after_messages)
      peer.close(options_.close_code, options_.close_reason);
    progress_.update([](EchoProgress& progress) { ++progress.messages; });
  }

  void on_closed(WebSocketPeer& peer) override {
    echoed_.erase(&peer);
    progress_.update([](EchoProgress& progress) { --progress.open; });
  }

  void stop() {
    server_.stop();
    echoed_.clear();
    progress_.update([](EchoProgress& progress) { progress.open = 0; });
  }

  WebSocketServer& server() { return server_; }
  const Watched<EchoProgress>& progress() const { return progress_; }

 private:
  EchoOptions options_;
  std::map<WebSocketPeer*, size_t> echoed_;  // the server's thread only
  Watched<EchoProgress> progress_;
  WebSocketServer server_;  // last: its thread uses the members above
};

EchoServer::EchoServer(EchoOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
EchoServer::~EchoServer() = default;
uint16_t EchoServer::port() const { return impl_->server().port(); }
std::string EchoServer::url() const { return impl_->server().url(); }
void EchoServer::stop() { impl_->stop(); }
void EchoServer::start() { impl_->server().start(); }
const Watched<EchoProgress>& EchoServer::progress() const { return impl_->progress(); }

void EchoServer::push(Bytes text) {
  impl_->server().post([text = std::move(text)](const std::vector<WebSocketPeer*>& open) {
    for (WebSocketPeer* peer : open) peer->send(text, false);
  });
}

void EchoServer::cut_all() {
  impl_->server().post([](const std::vector<WebSocketPeer*>& open) {
    for (WebSocketPeer* peer : open) peer->cut();
  });
}

void EchoServer::close_all(uint16_t code, std::string reason) {
  impl_->server().post([code, reason = std::move(reason)](const std::vector<WebSocketPeer*>& open) {
    for (WebSocketPeer* peer : open) peer->close(code, reason);
  });
}

}  // namespace icws::support
