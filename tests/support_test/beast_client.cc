#include "tests/support_test/beast_client.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>

namespace icws::support {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;

// Always a TLS stream or a plain one: a connection has either.
class BeastClient::Impl {
 public:
  Impl(uint16_t port, const std::string& target, const std::string& authority_pem,
       const std::string& subprotocol) {
    const tcp::endpoint server(asio::ip::address_v4::loopback(), port);
    if (authority_pem.empty()) {
      plain_.emplace(io_);
      plain_->next_layer().connect(server);
      handshake(*plain_, target, subprotocol);
      return;
    }
    tls_context_.add_certificate_authority(asio::buffer(authority_pem));
    tls_context_.set_verify_mode(asio::ssl::verify_peer);
    tls_.emplace(io_, tls_context_);
    beast::get_lowest_layer(*tls_).connect(server);
    tls_->next_layer().set_verify_callback(asio::ssl::host_name_verification("localhost"));
    tls_->next_layer().handshake(asio::ssl::stream_base::client);
    handshake(*tls_, target, subprotocol);
  }

  void send(BytesView text) {
    if (plain_) plain_->write(asio::buffer(text));
    if (tls_) tls_->write(asio::buffer(text));
  }

  std::optional<Bytes> read() {
    beast::flat_buffer buffer;
    boost::system::error_code error;
    if (plain_) plain_->read(buffer, error);
    if (tls_) tls_->read(buffer, error);
    if (error) return std::nullopt;
    return beast::buffers_to_string(buffer.data());
  }

  uint16_t close_code() const { return plain_ ? plain_->reason().code : tls_->reason().code; }
  const std::string& subprotocol() const { return subprotocol_; }

 private:
  template <class Stream>
  void handshake(Stream& stream, const std::string& target, const std::string& subprotocol) {
    stream.read_message_max(0);
    if (!subprotocol.empty()) {
      stream.set_option(websocket::stream_base::decorator([&](websocket::request_type& request) {
        request.set(beast::http::field::sec_websocket_protocol, subprotocol);
      }));
    }
    websocket::response_type response;
    stream.handshake(response, "localhost", target);
    subprotocol_ = std::string(response[beast::http::field::sec_websocket_protocol]);
  }

  asio::io_context io_;
  asio::ssl::context tls_context_{asio::ssl::context::tls_client};
  std::optional<websocket::stream<tcp::socket>> plain_;
  std::optional<websocket::stream<asio::ssl::stream<tcp::socket>>> tls_;
  std::string subprotocol_;
};

BeastClient::BeastClient(uint16_t port, const std::string& target, const std::string& authority_pem,
                         const std::string& subprotocol)
    : impl_(std::make_unique<Impl>(port, target, authority_pem, subprotocol)) {}
BeastClient::~BeastClient() = default;
void BeastClient::send(BytesView text) { impl_->send(text); }
std::optional<Bytes> BeastClient::read() { return impl_->read(); }
uint16_t BeastClient::close_code() const { return impl_->close_code(); }
std::string BeastClient::subprotocol() const { return impl_->subprotocol(); }

}  // namespace icws::support
