#include "adapter/service.h"

#include <boost/asio/post.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter/event_stream.h"
#include "icws/adapter/v1/adapter.grpc.pb.h"
#include "ws/request_headers.h"
#include "ws/url.h"

#ifndef ICWS_VERSION
#error "the build names the version"
#endif

namespace icws::adapter {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using grpc::Status;
using grpc::StatusCode;

// Of the proto.
constexpr uint64_t kMessageBytesMax = 2'000'000;
constexpr size_t kResponseHeadersMax = 16;
constexpr size_t kProxiesMax = 16;
constexpr size_t kProxyBytesMax = 512;

replica::SocketKey key_of(const v1::SocketKey& key) {
  return {ConnectionId(key.connection_id()), Epoch(key.epoch()), Attempt(key.attempt())};
}

void set_key(v1::SocketKey& out, const replica::SocketKey& key) {
  out.set_connection_id(key.connection.value);
  out.set_epoch(key.epoch.value);
  out.set_attempt(key.attempt.value);
}

Status invalid(const char* why) { return {StatusCode::INVALID_ARGUMENT, why}; }

Status check_key(const v1::SocketKey& key) {
  if (key.connection_id() == 0 || key.epoch() == 0 || key.attempt() == 0) {
    return invalid("key: all three parts are 1 or more");
  }
  return grpc::Status::OK;
}

// Sizes only: what is wrong with the URL or a header is the socket's event, since the canister shall hear it.
Status check_open(const v1::OpenRequest& request) {
  if (auto status = check_key(request.key()); !status.ok()) return status;
  if (request.message_bytes_max() == 0 || request.message_bytes_max() > kMessageBytesMax) {
    return invalid("message_bytes_max: 1 to 2,000,000");
  }
  if (request.url().size() > ws::kUrlBytesMax) return invalid("url: at most 8,192 bytes");
  if (static_cast<size_t>(request.headers_size()) > ws::kHeadersMax) return invalid("headers: at most 64");
  if (static_cast<size_t>(request.subprotocols_size()) > ws::kSubprotocolsMax) {
    return invalid("subprotocols: at most 16");
  }
  if (static_cast<size_t>(request.response_headers_size()) > kResponseHeadersMax) {
    return invalid("response_headers: at most 16");
  }
  if (request.canister_id().size() > replica::kCanisterIdBytesMax) {
    return invalid("canister_id: at most 29 bytes");
  }
  if (static_cast<size_t>(request.proxies_size()) > kProxiesMax) return invalid("proxies: at most 16");
  for (const auto& proxy : request.proxies()) {
    if (proxy.size() > kProxyBytesMax) return invalid("proxies: at most 512 bytes each");
  }
  return grpc::Status::OK;
}

Status check_send(const v1::SendRequest& request) {
  if (auto status = check_key(request.key()); !status.ok()) return status;
  for (const auto& message : request.messages()) {
    const bool kind = message.kind() == v1::MESSAGE_KIND_TEXT || message.kind() == v1::MESSAGE_KIND_BINARY;
    if (!kind) return invalid("messages: kind is text or binary");
    if (message.sequence() == 0) return invalid("messages: sequences count from 1");
    if (message.content().size() > kMessageBytesMax) return invalid("messages: at most 2,000,000 bytes each");
  }
  return grpc::Status::OK;
}

Status status_of(TableError error) {
  switch (error) {
    case TableError::kTooManySockets:
      return {StatusCode::RESOURCE_EXHAUSTED, "the adapter has as many sockets as it may"};
    case TableError::kUnknown:
      return {StatusCode::NOT_FOUND, "no such socket"};
    case TableError::kEnded:
      return {StatusCode::FAILED_PRECONDITION, "the socket has ended"};
    case TableError::kInvalidText:
      return invalid("messages: a text is not UTF-8");
    case TableError::kStopping:
      return {StatusCode::UNAVAILABLE, "the adapter stops"};
  }
  return {StatusCode::INTERNAL, "unknown"};
}

replica::OpenCommand command_of(const v1::OpenRequest& request) {
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

std::vector<replica::SendCommand> commands_of(const v1::SendRequest& request) {
  std::vector<replica::SendCommand> out;
  const auto key = key_of(request.key());
  for (const auto& message : request.messages()) {
    out.push_back(
        {key, message.sequence(), static_cast<replica::MessageKind>(message.kind()), message.content()});
  }
  return out;
}

const char* state_name(ConnectionState state) {
  static constexpr const char* kNames[] = {"connecting", "open", "closing", "ended"};
  return kNames[static_cast<size_t>(state)];
}

using Base = v1::Adapter::WithRawCallbackMethod_Events<v1::Adapter::WithCallbackMethod_Open<
    v1::Adapter::WithCallbackMethod_Send<v1::Adapter::WithCallbackMethod_Close<
        v1::Adapter::WithCallbackMethod_Status<v1::Adapter::Service>>>>>;

class Service final : public Base {
 public:
  Service(boost::asio::any_io_executor executor, ConnectionTable& table, EventHub& hub, Metrics& metrics,
          uint64_t instance)
      : executor_(std::move(executor)), table_(table), hub_(hub), metrics_(metrics), instance_(instance) {}

  ServerUnaryReactor* Open(CallbackServerContext* context, const v1::OpenRequest* request,
                           v1::OpenResponse* response) override {
    return answer(context, CallMethod::kOpen, [this, request, response]() -> grpc::Status {
      if (auto status = check_open(*request); !status.ok()) return status;
      const auto opened = table_.open(command_of(*request));
      if (!opened) return status_of(opened.error());
      response->set_existed(*opened);
      return grpc::Status::OK;
    });
  }

  ServerUnaryReactor* Send(CallbackServerContext* context, const v1::SendRequest* request,
                           v1::SendResponse* response) override {
    return answer(context, CallMethod::kSend, [this, request, response]() -> grpc::Status {
      if (auto status = check_send(*request); !status.ok()) return status;
      const auto sent = table_.send(key_of(request->key()), commands_of(*request));
      if (!sent) return status_of(sent.error());
      response->set_accepted_up_to(*sent);
      return grpc::Status::OK;
    });
  }

  ServerUnaryReactor* Close(CallbackServerContext* context, const v1::CloseRequest* request,
                            v1::CloseResponse* response) override {
    return answer(context, CallMethod::kClose, [this, request, response]() -> grpc::Status {
      if (auto status = check_key(request->key()); !status.ok()) return status;
      const uint32_t code = request->code();
      const bool of_canisters = code == ws::kCloseNormal || (code >= 3000 && code <= 4999);
      if (!of_canisters && code != ws::kCloseMessageTooBig) {
        return invalid("code: 1000, 1009 or 3000-4999");
      }
      if (request->reason().size() > ws::kCloseReasonBytesMax) return invalid("reason: at most 123 bytes");
      response->set_existed(
          table_.close(key_of(request->key()), static_cast<uint16_t>(code), request->reason()));
      return grpc::Status::OK;
    });
  }

  ServerUnaryReactor* Status(CallbackServerContext* context, const v1::StatusRequest*,
                             v1::StatusResponse* response) override {
    return answer(context, CallMethod::kStatus, [this, response]() -> grpc::Status {
      response->set_instance(instance_);
      response->set_version(ICWS_VERSION);
      for (const auto& report : table_.report()) {
        auto& out = *response->add_sockets();
        set_key(*out.mutable_key(), report.key);
        out.set_state(state_name(report.state));
        out.set_url(report.url);
        const auto buffered = hub_.report(report.key);
        out.set_buffered_events(buffered.events);
        out.set_buffered_bytes(buffered.bytes);
        out.set_paused(report.paused);
        out.set_messages_received(report.messages_received);
        out.set_messages_sent(report.messages_sent);
      }
      return grpc::Status::OK;
    });
  }

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Events(
      CallbackServerContext* context) override {
    return EventStream::start(hub_, metrics_, instance_, context);
  }

 private:
  // gRPC keeps request and response until Finish.
  template <class Work>
  ServerUnaryReactor* answer(CallbackServerContext* context, CallMethod method, Work work) {
    auto* reactor = context->DefaultReactor();
    boost::asio::post(executor_, [this, reactor, method, work = std::move(work)] {
      const auto status = work();
      metrics_.count_call(method, status.error_code());
      reactor->Finish(status);
    });
    return reactor;
  }

  boost::asio::any_io_executor executor_;
  ConnectionTable& table_;
  EventHub& hub_;
  Metrics& metrics_;
  const uint64_t instance_;
};

}  // namespace

std::unique_ptr<grpc::Service> make_service(boost::asio::any_io_executor executor, ConnectionTable& table,
                                            EventHub& hub, Metrics& metrics, uint64_t instance) {
  return std::make_unique<Service>(std::move(executor), table, hub, metrics, instance);
}

}  // namespace icws::adapter
