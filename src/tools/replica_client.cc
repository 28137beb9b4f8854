#include "tools/replica_client.h"

#include <grpcpp/grpcpp.h>

namespace icws::tools {
namespace {

namespace v1 = replica::v1;

// A batch of entries may hold one maximum message and a mebibyte beside it.
constexpr int kMessageBytesMax = 16 * 1024 * 1024;

std::unique_ptr<v1::Replica::Stub> connect(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 300);
  return v1::Replica::NewStub(
      grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments));
}

template <class Response, class Request>
std::expected<Response, grpc::Status> call_stub(
    v1::Replica::Stub& stub,
    grpc::Status (v1::Replica::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request, Milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  Response response;
  auto status = (stub.*method)(&context, request, &response);
  if (status.ok()) return response;
  return std::unexpected(std::move(status));
}

}  // namespace

ReplicaClient::ReplicaClient(const std::string& socket) : stub_(connect(socket)) {}

ReplicaClient::Answer<v1::StatusResponse> ReplicaClient::status(Milliseconds timeout) {
  return call_stub<v1::StatusResponse>(*stub_, &v1::Replica::Stub::Status, v1::StatusRequest(), timeout);
}

ReplicaClient::Answer<v1::ListConnectionsResponse> ReplicaClient::connections(Milliseconds timeout) {
  return call_stub<v1::ListConnectionsResponse>(*stub_, &v1::Replica::Stub::ListConnections,
                                                v1::ListConnectionsRequest(), timeout);
}

ReplicaClient::Answer<v1::SubmitCallResponse> ReplicaClient::call(const std::string& canister,
                                                                  const std::string& method,
                                                                  const std::string& arguments,
                                                                  Milliseconds timeout) {
  v1::SubmitCallRequest request;
  request.set_canister(canister);
  request.set_method(method);
  request.set_arguments(arguments);
  return call_stub<v1::SubmitCallResponse>(*stub_, &v1::Replica::Stub::SubmitCall, request, timeout);
}

ReplicaClient::Answer<v1::QueryResponse> ReplicaClient::query(const std::string& canister,
                                                              const std::string& method,
                                                              const std::string& arguments,
                                                              Milliseconds timeout) {
  v1::QueryRequest request;
  request.set_canister(canister);
  request.set_method(method);
  request.set_arguments(arguments);
  return call_stub<v1::QueryResponse>(*stub_, &v1::Replica::Stub::Query, request, timeout);
}

grpc::Status ReplicaClient::follow(uint64_t connection, uint64_t from,
                                   const std::function<bool(const v1::TranscriptEntry&)>& take) {
  grpc::ClientContext context;
  v1::FollowTranscriptRequest request;
  request.set_connection_id(connection);
  request.set_from(from);
  const auto reader = stub_->FollowTranscript(&context, request);
  v1::FollowTranscriptResponse response;
  bool more = true;
  while (more && reader->Read(&response)) {
    for (int i = 0; more && i < response.entries_size(); ++i) more = take(response.entries(i));
  }
  if (more) return reader->Finish();
  context.TryCancel();
  reader->Finish();
  return grpc::Status::OK;
}

}  // namespace icws::tools
