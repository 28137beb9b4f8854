#include "adapter/requests.h"

#include <cstdint>
#include <optional>

#include "adapter/proxy_address.h"
#include "ws/close.h"
#include "ws/encoder.h"
#include "ws/request_headers.h"
#include "ws/url.h"

namespace icws::adapter {
namespace {

// Of the proto.
constexpr uint64_t kMessageBytesMax = 2'000'000;
constexpr size_t kResponseHeadersMax = 16;
constexpr int kAcknowledgementsMax = 4'096;

std::optional<RequestFault> check_key(const v1::SocketKey& key) {
  if (key.connection_id() == 0 || key.epoch() == 0 || key.attempt() == 0) {
    return "key: all three parts are 1 or more";
  }
  return std::nullopt;
}

std::optional<RequestFault> check(const v1::OpenRequest& request) {
  if (const auto fault = check_key(request.key())) return fault;
  if (request.message_bytes_max() == 0 || request.message_bytes_max() > kMessageBytesMax) {
    return "message_bytes_max: 1 to 2,000,000";
  }
  if (request.url().size() > ws::kUrlBytesMax) return "url: at most 8,192 bytes";
  if (static_cast<size_t>(request.headers_size()) > ws::kHeadersMax) return "headers: at most 64";
  if (static_cast<size_t>(request.subprotocols_size()) > ws::kSubprotocolsMax) {
    return "subprotocols: at most 16";
  }
  if (static_cast<size_t>(request.response_headers_size()) > kResponseHeadersMax) {
    return "response_headers: at most 16";
  }
  if (request.canister_id().size() > replica::kCanisterIdBytesMax) return "canister_id: at most 29 bytes";
  if (static_cast<size_t>(request.proxies_size()) > kRequestProxiesMax) return "proxies: at most 16";
  for (const auto& proxy : request.proxies()) {
    if (proxy.size() > kRequestProxyBytesMax) return "proxies: at most 512 bytes each";
  }
  return std::nullopt;
}

std::optional<RequestFault> check(const v1::SendRequest& request) {
  if (const auto fault = check_key(request.key())) return fault;
  for (const auto& message : request.messages()) {
    const bool kind = message.kind() == v1::MESSAGE_KIND_TEXT || message.kind() == v1::MESSAGE_KIND_BINARY;
    if (!kind) return "messages: kind is text or binary";
    if (message.sequence() == 0) return "messages: sequences count from 1";
    if (message.content().size() > kMessageBytesMax) return "messages: at most 2,000,000 bytes each";
  }
  return std::nullopt;
}

std::optional<RequestFault> check(const v1::CloseRequest& request) {
  if (const auto fault = check_key(request.key())) return fault;
  const uint32_t code = request.code();
  const bool of_canisters = code == ws::kCloseNormal || (code >= 3000 && code <= 4999);
  if (!of_canisters && code != ws::kCloseMessageTooBig) return "code: 1000, 1009 or 3000-4999";
  if (request.reason().size() > ws::kCloseReasonBytesMax) return "reason: at most 123 bytes";
  return std::nullopt;
}

}  // namespace

replica::SocketKey key_of(const v1::SocketKey& key) {
  return {ConnectionId(key.connection_id()), Epoch(key.epoch()), Attempt(key.attempt())};
}

std::expected<replica::OpenCommand, RequestFault> command_of(const v1::OpenRequest& request) {
  if (const auto fault = check(request)) return std::unexpected(*fault);
  replica::OpenCommand out;
  out.key = key_of(request.key());
  out.url = request.url();
  for (const auto& header : request.headers()) out.headers.push_back({header.name(), header.value()});
  out.subprotocols.assign(request.subprotocols().begin(), request.subprotocols().end());
  out.response_headers.assign(request.response_headers().begin(), request.response_headers().end());
  out.message_bytes_max = request.message_bytes_max();
  out.compression = request.compression();
  out.canister = request.canister_id();
  out.proxies.assign(request.proxies().begin(), request.proxies().end());
  return out;
}

std::expected<std::vector<replica::SendCommand>, RequestFault> commands_of(const v1::SendRequest& request) {
  if (const auto fault = check(request)) return std::unexpected(*fault);
  std::vector<replica::SendCommand> out;
  const auto key = key_of(request.key());
  for (const auto& message : request.messages()) {
    out.push_back(
        {key, message.sequence(), static_cast<replica::MessageKind>(message.kind()), message.content()});
  }
  return out;
}

std::expected<replica::CloseCommand, RequestFault> command_of(const v1::CloseRequest& request) {
  if (const auto fault = check(request)) return std::unexpected(*fault);
  return replica::CloseCommand{key_of(request.key()), static_cast<uint16_t>(request.code()),
                               request.reason()};
}

std::expected<std::vector<replica::AcknowledgeCommand>, RequestFault> commands_of(
    const v1::EventsRequest& request) {
  if (request.acknowledgements_size() > kAcknowledgementsMax) {
    return std::unexpected("acknowledgements: at most 4,096");
  }
  std::vector<replica::AcknowledgeCommand> out;
  out.reserve(static_cast<size_t>(request.acknowledgements_size()));
  for (const auto& in : request.acknowledgements()) {
    out.push_back({key_of(in.key()), EventSequence(in.event()), Position(in.position()),
                   Digest::from(in.head()).value_or(Digest{})});
  }
  return out;
}

}  // namespace icws::adapter
