#include "engine/cometbft/node_client.h"

#include <openssl/evp.h>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <optional>

namespace icws::engine {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;

// Bytes of an answer: blocks are asked for by tools, never whole ones by a replica.
constexpr uint64_t kAnswerBytesMax = 32 * 1024 * 1024;

std::string base64(BytesView bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

// The text of a JSON-RPC error: message and data.
std::string error_text(const json::object& error) {
  std::string out;
  for (const char* key : {"message", "data"}) {
    const auto* text = error.if_contains(key) == nullptr ? nullptr : error.at(key).if_string();
    if (text == nullptr) continue;
    if (!out.empty()) out += ": ";
    out += std::string_view(*text);
  }
  return out;
}

}  // namespace

class NodeClient::Impl {
 public:
  explicit Impl(std::string address) : address_(std::move(address)) {}

  std::expected<std::string, std::string> post(std::string body, Milliseconds timeout) {
    const bool kept = stream_.has_value();
    auto out = post_once(body, timeout);
    // A node closes connections that were idle for a while (10 s), and says so with the next request.
    if (!out && kept && stale_) out = post_once(std::move(body), timeout);
    return out;
  }

 private:
  std::expected<std::string, std::string> post_once(std::string body, Milliseconds timeout) {
    std::expected<std::string, std::string> out = std::unexpected("no answer in time");
    stale_ = false;
    context_.restart();
    const auto finished = [&](std::exception_ptr error) {
      try {
        if (error) std::rethrow_exception(error);
      } catch (const boost::system::system_error& reason) {
        const boost::system::error_code code = reason.code();
        stale_ = code == http::error::end_of_stream || code == asio::error::connection_reset ||
                 code == asio::error::broken_pipe;
        out = std::unexpected(std::string(reason.what()));
      } catch (const std::exception& reason) {
        out = std::unexpected(std::string(reason.what()));
      }
    };
    asio::co_spawn(context_, exchange(std::move(body), timeout, out), finished);
    context_.run();
    if (!out) stream_.reset();
    return out;
  }

  asio::awaitable<void> exchange(std::string body, Milliseconds timeout,
                                 std::expected<std::string, std::string>& out) {
    if (!stream_) co_await connect(timeout);
    http::request<http::string_body> request(http::verb::post, "/", 11);
    request.set(http::field::host, address_);
    request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.prepare_payload();
    stream_->expires_after(timeout);
    co_await http::async_write(*stream_, request, asio::use_awaitable);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    co_await http::async_read(*stream_, buffer, parser, asio::use_awaitable);
    stream_->expires_never();
    const bool keep = parser.get().keep_alive();
    out = std::move(parser.get().body());
    if (!keep) stream_.reset();
  }

  asio::awaitable<void> connect(Milliseconds timeout) {
    const size_t colon = address_.rfind(':');
    if (colon == std::string::npos) throw std::runtime_error("the node's address has no port");
    asio::ip::tcp::resolver resolver(context_);
    const auto results = co_await resolver.async_resolve(address_.substr(0, colon),
                                                         address_.substr(colon + 1), asio::use_awaitable);
    stream_.emplace(context_);
    stream_->expires_after(timeout);
    co_await stream_->async_connect(results, asio::use_awaitable);
    stream_->socket().set_option(asio::ip::tcp::no_delay(true));
  }

  const std::string address_;
  asio::io_context context_;
  std::optional<beast::tcp_stream> stream_;
  // The last exchange failed because the other side had closed the connection before.
  bool stale_ = false;
};

NodeClient::NodeClient(std::string address) : impl_(std::make_unique<Impl>(std::move(address))) {}
NodeClient::~NodeClient() = default;

std::expected<std::string, std::string> NodeClient::post(std::string body, Milliseconds timeout) {
  return impl_->post(std::move(body), timeout);
}

std::expected<json::value, std::string> NodeClient::call(const std::string& method, json::object params,
                                                         Milliseconds timeout) {
  json::object request;
  request["jsonrpc"] = "2.0";
  request["id"] = 1;
  request["method"] = method;
  request["params"] = std::move(params);
  auto answer = post(json::serialize(request), timeout);
  if (!answer) return std::unexpected(answer.error());
  json::error_code error;
  json::value parsed = json::parse(*answer, error);
  const auto* object = error.failed() ? nullptr : parsed.if_object();
  if (object == nullptr) return std::unexpected("the answer is no JSON object");
  if (const auto* fault = object->if_contains("error"); fault != nullptr && fault->is_object()) {
    return std::unexpected(error_text(fault->get_object()));
  }
  const auto* result = object->if_contains("result");
  if (result == nullptr) return std::unexpected("the answer has no result");
  return *result;
}

std::expected<NodeClient::Broadcast, std::string> NodeClient::broadcast(BytesView transaction,
                                                                        Milliseconds timeout) {
  json::object params;
  params["tx"] = base64(transaction);
  const auto answer = call("broadcast_tx_sync", std::move(params), timeout);
  if (!answer) {
    // CometBFT gives these two as errors of the call, in words.
    if (answer.error().find("already exists in cache") != std::string::npos) return Broadcast::Known;
    if (answer.error().find("mempool is full") != std::string::npos) return Broadcast::Full;
    return std::unexpected(answer.error());
  }
  const auto* result = answer->if_object();
  const auto* code = result == nullptr ? nullptr : result->if_contains("code");
  if (code == nullptr || !code->is_number()) return std::unexpected("the answer has no code");
  return code->to_number<int64_t>() == 0 ? Broadcast::Taken : Broadcast::Refused;
}

}  // namespace icws::engine
