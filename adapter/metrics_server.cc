#include "adapter/metrics_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <exception>
#include <utility>

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// A scraper sends some 300 bytes.
constexpr uint32_t kRequestBytesMax = 8 * 1024;

using Response = http::response<http::string_body>;

Response plain(http::status status, std::string text) {
  Response out(status, 11);
  out.set(http::field::content_type, "text/plain; version=0.0.4; charset=utf-8");
  out.keep_alive(false);
  out.body() = std::move(text);
  out.prepare_payload();
  return out;
}

}  // namespace

MetricsServer::MetricsServer(asio::io_context& io, Listener listener, Metrics& metrics,
                             std::function<std::string()> scrape, MetricsServerLimits limits)
    : io_(io),
      listener_(std::move(listener)),
      metrics_(metrics),
      scrape_(std::move(scrape)),
      limits_(limits) {
  listener_.accept([this](Listener::Socket socket) { take(std::move(socket)); });
}

void MetricsServer::Client::cut() {
  boost::system::error_code ignored;
  socket.close(ignored);
}

void MetricsServer::take(Listener::Socket socket) {
  if (clients_.size() >= limits_.clients_max) {
    metrics_.pass(Limit::kMetricsClientsMax);
    return;
  }
  const auto client = clients_.emplace(clients_.end(), std::move(socket), limits_.timeout);
  asio::co_spawn(io_, serve(*client), [this, client](const std::exception_ptr&) { clients_.erase(client); });
}

asio::awaitable<void> MetricsServer::serve(Client& client) {
  client.watchdog.arm(limits_.timeout, [this, &client] {
    metrics_.pass(Limit::kMetricsTimeout);
    client.cut();
  });
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kRequestBytesMax);
  boost::beast::flat_static_buffer<kRequestBytesMax> buffer;
  auto [error, bytes] =
      co_await http::async_read_header(client.socket, buffer, parser, asio::as_tuple(asio::use_awaitable));
  const bool broken = error && error.category() != http::make_error_code(http::error::bad_target).category();
  if (!broken && error != http::error::end_of_stream) {
    const auto& request = parser.get();
    Response response;
    if (error) {
      response = plain(http::status::bad_request, "not an HTTP request, or too large\n");
    } else if (request.target() != "/metrics") {
      response = plain(http::status::not_found, "the metrics are at /metrics\n");
    } else if (request.method() != http::verb::get) {
      response = plain(http::status::method_not_allowed, "GET only\n");
    } else {
      response = plain(http::status::ok, scrape_());
    }
    co_await http::async_write(client.socket, response, asio::as_tuple(asio::use_awaitable));
  }
  client.watchdog.disarm();
  client.cut();
}

void MetricsServer::stop() {
  listener_.close();
  for (auto& client : clients_) client.cut();
}

}  // namespace icws::adapter
