#include "adapter/service.h"

#include <boost/asio/post.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "adapter/event_stream.h"
#include "adapter/requests.h"
#include "icws/adapter/v1/adapter.grpc.pb.h"

#ifndef ICWS_VERSION
#error "the build names the version"
#endif

namespace icws::adapter {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using grpc::Status;
using grpc::StatusCode;

void set_key(v1::SocketKey& out, const replica::SocketKey& key) {
  out.set_connection_id(key.connection.value);
  out.set_epoch(key.epoch.value);
  out.set_attempt(key.attempt.value);
}

Status invalid(std::string_view why) { return {StatusCode::INVALID_ARGUMENT, std::string(why)}; }

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
      auto command = command_of(*request);
      if (!command) return invalid(command.error());
      const auto opened = table_.open(std::move(*command));
      if (!opened) return status_of(opened.error());
      response->set_existed(*opened);
      return grpc::Status::OK;
    });
  }

  ServerUnaryReactor* Send(CallbackServerContext* context, const v1::SendRequest* request,
                           v1::SendResponse* response) override {
    return answer(context, CallMethod::kSend, [this, request, response]() -> grpc::Status {
      const auto commands = commands_of(*request);
      if (!commands) return invalid(commands.error());
      const auto sent = table_.send(key_of(request->key()), *commands);
      if (!sent) return status_of(sent.error());
      response->set_accepted_up_to(*sent);
      return grpc::Status::OK;
    });
  }

  ServerUnaryReactor* Close(CallbackServerContext* context, const v1::CloseRequest* request,
                            v1::CloseResponse* response) override {
    return answer(context, CallMethod::kClose, [this, request, response]() -> grpc::Status {
      const auto command = command_of(*request);
      if (!command) return invalid(command.error());
      response->set_existed(table_.close(command->key, command->code, command->reason));
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
