#include "tests/support/websocket_server.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <thread>

namespace icws::support {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using Error = boost::system::error_code;
using PlainStream = tcp::socket;
using TlsStream = asio::ssl::stream<tcp::socket>;
using OpenPeers = std::vector<WebSocketPeer*>;

// The first of the client's subprotocols that the server understands.
std::string choose_subprotocol(BytesView offered, const std::vector<std::string>& understood) {
  for (const auto name : http::token_list(offered)) {
    const std::string wanted(name);
    if (std::find(understood.begin(), understood.end(), wanted) != understood.end()) return wanted;
  }
  return {};
}

// One client. Every pending operation holds a reference; the session ends with the last of them.
template <class Stream>
class Session final : public WebSocketPeer, public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, WebSocketHandler& handler, const WebSocketServerOptions& options, OpenPeers& open)
      : ws_(std::move(stream)),
        timer_(ws_.get_executor()),
        handler_(handler),
        options_(options),
        open_(open) {
    ws_.auto_fragment(options.fragmented);
    if (options.compression) compress(*options.compression);
    ws_.read_message_max(options.message_bytes_max);
  }

  void start() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      ws_.next_layer().async_handshake(asio::ssl::stream_base::server,
                                       [self = this->shared_from_this()](Error error) {
                                         if (!error) self->read_request();
                                       });
    } else {
      read_request();
    }
  }

  const std::string& target() const override { return target_; }
  bool offers_compression() const override {
    return request_[http::field::sec_websocket_extensions].starts_with("permessage-deflate");
  }

  void send(Bytes message, bool binary) override {
    queue_.push_back({std::move(message), binary});
    write();
  }

  void close(uint16_t code, std::string reason) override {
    closing_ = websocket::close_reason(websocket::close_code(code), reason);
    write();
  }

  void cut() override {
    Error ignored;
    beast::get_lowest_layer(ws_).close(ignored);
  }

  void arm_timer(std::chrono::microseconds delay) override {
    if (timer_used_) {
      timer_.expires_at(timer_.expiry() + delay);
    } else {
      timer_.expires_after(delay);
    }
    timer_used_ = true;
    timer_.async_wait([self = this->shared_from_this()](Error error) {
      if (!error && self->is_open_) self->handler_.on_timer(*self);
    });
  }

 private:
  struct Outgoing {
    Bytes message;
    bool binary;
  };

  void read_request() {
    http::async_read(ws_.next_layer(), buffer_, request_,
                     [self = this->shared_from_this()](Error error, size_t) {
                       if (!error) self->accept();
                     });
  }

  void compress(const WebSocketCompression& compression) {
    websocket::permessage_deflate option;
    option.server_enable = true;
    option.server_no_context_takeover = compression.server_no_context_takeover;
    option.client_no_context_takeover = compression.client_no_context_takeover;
    option.server_max_window_bits = compression.server_max_window_bits;
    option.client_max_window_bits = compression.client_max_window_bits;
    ws_.set_option(option);
  }

  void accept() {
    target_ = std::string(request_.target());
    const std::string subprotocol =
        choose_subprotocol(request_[http::field::sec_websocket_protocol], options_.subprotocols);
    ws_.set_option(websocket::stream_base::decorator(
        [subprotocol, headers = options_.response_headers](websocket::response_type& response) {
          if (!subprotocol.empty()) response.set(http::field::sec_websocket_protocol, subprotocol);
          for (const auto& [name, value] : headers) response.set(name, value);
        }));
    ws_.async_accept(request_, [self = this->shared_from_this()](Error error) {
      if (!error) self->opened();
    });
  }

  void opened() {
    is_open_ = true;
    open_.push_back(this);
    buffer_.clear();
    handler_.on_open(*this);
    read();
  }

  void read() {
    ws_.async_read(buffer_, [self = this->shared_from_this()](Error error, size_t) {
      if (error) return self->closed();
      const auto data = self->buffer_.cdata();
      const Bytes message(static_cast<const char*>(data.data()), data.size());
      self->buffer_.consume(data.size());
      self->handler_.on_message(*self, message, self->ws_.got_binary());
      self->read();
    });
  }

  void write() {
    if (writing_ || !is_open_) return;
    if (queue_.empty()) {
      if (closing_) write_close();
      return;
    }
    writing_ = true;
    ws_.binary(queue_.front().binary);
    ws_.async_write(asio::buffer(queue_.front().message),
                    [self = this->shared_from_this()](Error error, size_t) { self->written(error); });
  }

  void written(Error error) {
    writing_ = false;
    queue_.pop_front();
    if (error) return cut();  // the pending read reports the end
    if (queue_.empty() && is_open_) handler_.on_sent(*this);
    write();
  }

  void write_close() {
    writing_ = true;  // nothing follows a Close frame
    ws_.async_close(*closing_, [self = this->shared_from_this()](Error) { self->closed(); });
  }

  void closed() {
    if (!is_open_) return;
    is_open_ = false;
    std::erase(open_, this);
    timer_.cancel();
    handler_.on_closed(*this);
  }

  websocket::stream<Stream> ws_;
  asio::steady_timer timer_;
  WebSocketHandler& handler_;
  const WebSocketServerOptions& options_;
  OpenPeers& open_;
  beast::flat_buffer buffer_;
  http::request<http::empty_body> request_;
  std::string target_;
  std::deque<Outgoing> queue_;
  std::optional<websocket::close_reason> closing_;
  bool is_open_ = false;
  bool writing_ = false;
  bool timer_used_ = false;
};

asio::ssl::context make_tls(const CertificateAndKey& files) {
  asio::ssl::context context(asio::ssl::context::tls_server);
  context.use_certificate_chain(asio::buffer(files.certificate_pem));
  context.use_private_key(asio::buffer(files.key_pem), asio::ssl::context::pem);
  return context;
}

}  // namespace

// One life of the server, from start() to stop(). The order of members matters: what operations refer to
// outlives the io_context, whose destructor drops them.
struct WebSocketServer::Run {
  Run(WebSocketHandler& handler, const WebSocketServerOptions& options, uint16_t port)
      : handler(handler), options(options), acceptor(io) {
    if (options.tls) tls = make_tls(*options.tls);
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(asio::socket_base::reuse_address(true));
    acceptor.bind(endpoint);
    acceptor.listen();
    accept();
    thread = std::thread([this] { io.run(); });
  }

  ~Run() {
    io.stop();
    thread.join();
  }

  void accept() {
    acceptor.async_accept([this](Error error, tcp::socket socket) {
      if (error) return accept();
      Error ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      if (tls) {
        start_session(TlsStream(std::move(socket), *tls));
      } else {
        start_session(std::move(socket));
      }
      accept();
    });
  }

  template <class Stream>
  void start_session(Stream stream) {
    std::make_shared<Session<Stream>>(std::move(stream), handler, options, open)->start();
  }

  WebSocketHandler& handler;
  const WebSocketServerOptions& options;
  std::optional<asio::ssl::context> tls;
  OpenPeers open;
  asio::io_context io;
  tcp::acceptor acceptor;
  std::thread thread;
};

WebSocketServer::WebSocketServer(WebSocketHandler& handler, WebSocketServerOptions options)
    : handler_(handler), options_(std::move(options)), port_(options_.port) {
  start();
}

WebSocketServer::~WebSocketServer() = default;

uint16_t WebSocketServer::port() const { return port_.number(); }

std::string WebSocketServer::url() const {
  return (options_.tls ? "wss://localhost:" : "ws://127.0.0.1:") + std::to_string(port());
}

void WebSocketServer::stop() { run_.reset(); }

void WebSocketServer::start() {
  if (!run_) run_ = std::make_unique<Run>(handler_, options_, port());
}

void WebSocketServer::post(std::function<void(const std::vector<WebSocketPeer*>& open)> task) {
  if (!run_) return;
  // A copy of the list: the task may end peers.
  asio::post(run_->io, [run = run_.get(), task = std::move(task)] { task(OpenPeers(run->open)); });
}

}  // namespace icws::support
