#include "tests/support/chaos_proxy.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "base/bytes.h"

namespace icws::support {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

// Reading stops while this much waits for its delay: the sender must feel the backpressure, as on a real
// path.
constexpr size_t kQueuedBytesMax = 4 << 20;

// What the test has commanded for one direction.
struct Weather {
  std::chrono::milliseconds delay{0};
  bool stalled = false;
};

// One direction of one connection. Its owner, the Link, outlives its operations.
class Pipe {
 public:
  Pipe(tcp::socket& from, tcp::socket& to, const Weather& weather)
      : from_(from), to_(to), weather_(weather) {}

  // Called when bytes were forwarded, and when the direction failed.
  std::function<void(size_t)> on_forwarded;
  std::function<void(Error)> on_failed;
  std::function<void()> on_end;
  std::shared_ptr<void>
      keep_alive;  // copied into every operation; empty before the link is up and after its end

  void pump() {
    if (!keep_alive) return;
    read();
    write();
  }

 private:
  struct Chunk {
    Bytes bytes;  // empty: the end of the stream
    asio::steady_timer due;
  };

  void read() {
    if (reading_ || ended_ || weather_.stalled || queued_bytes_ >= kQueuedBytesMax) return;
    reading_ = true;
    from_.async_read_some(asio::buffer(buffer_), [this, alive = keep_alive](Error error, size_t size) {
      reading_ = false;
      if (!keep_alive) return;
      if (error && error != asio::error::eof) return on_failed(error);
      ended_ = error == asio::error::eof;
      queued_bytes_ += size;
      queue_.push_back(
          {Bytes(buffer_.data(), size), asio::steady_timer(from_.get_executor(), weather_.delay)});
      pump();
    });
  }

  void write() {
    if (writing_ || weather_.stalled || queue_.empty()) return;
    writing_ = true;
    queue_.front().due.async_wait([this, alive = keep_alive](Error) {
      writing_ = false;
      if (keep_alive && !weather_.stalled) forward();  // else resume() calls pump()
    });
  }

  void forward() {
    const Chunk& chunk = queue_.front();
    if (chunk.bytes.empty()) {
      Error ignored;
      to_.shutdown(tcp::socket::shutdown_send, ignored);
      queue_.pop_front();
      return on_end();
    }
    writing_ = true;
    asio::async_write(to_, asio::buffer(chunk.bytes), [this, alive = keep_alive](Error error, size_t size) {
      writing_ = false;
      if (!keep_alive) return;
      if (error) return on_failed(error);
      queued_bytes_ -= size;
      queue_.pop_front();
      on_forwarded(size);
      pump();
    });
  }

  tcp::socket& from_;
  tcp::socket& to_;
  const Weather& weather_;
  std::array<char, 65536> buffer_;
  std::deque<Chunk> queue_;
  size_t queued_bytes_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool ended_ = false;
};

// One client and its connection to the server.
struct Link {
  Link(tcp::socket accepted, const Weather& up, const Weather& down)
      : client(std::move(accepted)),
        server(client.get_executor()),
        to_server(client, server, up),
        to_client(server, client, down) {}

  void end(bool with_reset) {
    if (ended) return;
    ended = true;
    for (tcp::socket* socket : {&client, &server}) {
      Error ignored;
      if (with_reset) socket->set_option(asio::socket_base::linger(true, 0), ignored);
      if (!with_reset) socket->shutdown(tcp::socket::shutdown_both, ignored);
      socket->close(ignored);
    }
    to_server.keep_alive.reset();
    to_client.keep_alive.reset();
  }

  tcp::socket client;
  tcp::socket server;
  Pipe to_server;
  Pipe to_client;
  int directions_ended = 0;
  bool ended = false;
};

}  // namespace

class ChaosProxy::Impl {
 public:
  explicit Impl(uint16_t server_port)
      : server_(asio::ip::address_v4::loopback(), server_port),
        acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        port_(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  ~Impl() {
    io_.stop();
    thread_.join();
    end_all(false);
  }

  // Runs on the proxy's thread; returns when done.
  void command(std::function<void()> action) {
    std::promise<void> done;
    asio::post(io_, [&] {
      action();
      done.set_value();
    });
    done.get_future().wait();
  }

  Weather& weather(Direction direction) { return direction == Direction::kToServer ? up_ : down_; }

  void resume() {
    up_.stalled = false;
    down_.stalled = false;
    for (const auto& link : links_) {
      link->to_server.pump();
      link->to_client.pump();
    }
  }

  void end_all(bool with_reset) {
    while (!links_.empty()) end(links_.front(), with_reset);
  }

  void refuse(bool refuse) { refuse_ = refuse; }
  uint16_t port() const { return port_; }
  const Watched<ProxyProgress>& progress() const { return progress_; }

 private:
  using LinkPointer = std::shared_ptr<Link>;

  void accept() {
    acceptor_.async_accept([this](Error error, tcp::socket socket) {
      if (!error && !refuse_) connect(std::make_shared<Link>(std::move(socket), up_, down_));
      accept();
    });
  }

  void connect(const LinkPointer& link) {
    links_.push_back(link);
    progress_.update([](ProxyProgress& progress) {
      ++progress.accepted;
      ++progress.open;
    });
    link->server.async_connect(server_, [this, link](Error error) {
      if (link->ended) return;
      if (error) return end(link, false);
      prepare(link, link->to_server, &ProxyProgress::to_server_bytes);
      prepare(link, link->to_client, &ProxyProgress::to_client_bytes);
      link->to_server.pump();
      link->to_client.pump();
    });
  }

  void prepare(const LinkPointer& link, Pipe& pipe, uint64_t ProxyProgress::* counter) {
    const std::weak_ptr<Link> weak = link;  // the pipe is a part of the link
    pipe.keep_alive = link;
    pipe.on_forwarded = [this, counter](size_t size) {
      progress_.update([&](ProxyProgress& progress) { progress.*counter += size; });
    };
    pipe.on_failed = [this, weak](Error error) {
      if (const auto failed = weak.lock()) end(failed, error == asio::error::connection_reset);
    };
    pipe.on_end = [this, weak] {
      if (const auto ended = weak.lock(); ended && ++ended->directions_ended == 2) end(ended, false);
    };
  }

  // By value: the list's own pointer goes away here.
  void end(LinkPointer link, bool with_reset) {
    if (link->ended) return;
    link->end(with_reset);
    std::erase(links_, link);
    progress_.update([](ProxyProgress& progress) { --progress.open; });
  }

  Weather up_;
  Weather down_;
  bool refuse_ = false;
  std::vector<LinkPointer> links_;
  Watched<ProxyProgress> progress_;
  asio::io_context io_;  // after what its operations use, before what uses it
  tcp::endpoint server_;
  tcp::acceptor acceptor_;
  uint16_t port_;
  std::thread thread_;
};

ChaosProxy::ChaosProxy(uint16_t server_port) : impl_(std::make_unique<Impl>(server_port)) {}
ChaosProxy::~ChaosProxy() = default;
uint16_t ChaosProxy::port() const { return impl_->port(); }
const Watched<ProxyProgress>& ChaosProxy::progress() const { return impl_->progress(); }

void ChaosProxy::set_delay(Direction direction, std::chrono::milliseconds delay) {
  impl_->command([&] { impl_->weather(direction).delay = delay; });
}

void ChaosProxy::stall(Direction direction) {
  impl_->command([&] { impl_->weather(direction).stalled = true; });
}

void ChaosProxy::resume() {
  impl_->command([this] { impl_->resume(); });
}

void ChaosProxy::cut() {
  impl_->command([this] { impl_->end_all(false); });
}

void ChaosProxy::reset() {
  impl_->command([this] { impl_->end_all(true); });
}

void ChaosProxy::refuse(bool refuse) {
  impl_->command([&] { impl_->refuse(refuse); });
}

}  // namespace icws::support
