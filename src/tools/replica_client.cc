#include "tools/replica_client.h"

#include <grpcpp/grpcpp.h>

namespace icws::tools {
namespace {

namespace v1 = replica::v1;

// A batch of entries may hold one maximum message and a mebibyte beside it.
constexpr int kMessageBytesMax = 16 * 1024 * 1024;

std::shared_ptr<v1::Replica::Stub> connect(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return v1::Replica::NewStub(
      grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), arguments));
}

}  // namespace

std::shared_ptr<ReplicaClient::Stub> ReplicaClient::stub() {
  const std::lock_guard lock(mutex_);
  if (!stub_) stub_ = connect(socket_);
  return stub_;
}

void ReplicaClient::forget(const std::shared_ptr<Stub>& failed) {
  const std::lock_guard lock(mutex_);
  if (stub_ == failed) stub_.reset();
}

// A channel that has failed looks for the peer again only while somebody waits on it, which fail-fast calls
// do not; so each failure ends its channel.
template <class Response, class Request>
ReplicaClient::Answer<Response> ReplicaClient::unary(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                                  const Request&, Response*),
                                                     const Request& request, Milliseconds timeout) {
  const auto used = stub();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  Response response;
  auto status = (used.get()->*method)(&context, request, &response);
  if (status.ok()) return response;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) forget(used);
  return std::unexpected(std::move(status));
}

ReplicaClient::Answer<v1::StatusResponse> ReplicaClient::status(Milliseconds timeout) {
  return unary<v1::StatusResponse>(&Stub::Status, v1::StatusRequest(), timeout);
}

ReplicaClient::Answer<v1::ListConnectionsResponse> ReplicaClient::connections(Milliseconds timeout) {
  return unary<v1::ListConnectionsResponse>(&Stub::ListConnections, v1::ListConnectionsRequest(), timeout);
}

ReplicaClient::Answer<v1::ListCanistersResponse> ReplicaClient::canisters(Milliseconds timeout) {
  return unary<v1::ListCanistersResponse>(&Stub::ListCanisters, v1::ListCanistersRequest(), timeout);
}

ReplicaClient::Answer<v1::ListReplicasResponse> ReplicaClient::replicas(Milliseconds timeout) {
  return unary<v1::ListReplicasResponse>(&Stub::ListReplicas, v1::ListReplicasRequest(), timeout);
}

ReplicaClient::Answer<v1::ChangeReplicasResponse> ReplicaClient::change_replicas(
    const std::string& transaction, Milliseconds timeout) {
  v1::ChangeReplicasRequest request;
  request.set_transaction(transaction);
  return unary<v1::ChangeReplicasResponse>(&Stub::ChangeReplicas, request, timeout);
}

ReplicaClient::Answer<v1::SubmitCallResponse> ReplicaClient::call(const std::string& canister,
                                                                  const std::string& method,
                                                                  const std::string& arguments,
                                                                  Milliseconds timeout) {
  v1::SubmitCallRequest request;
  request.set_canister(canister);
  request.set_method(method);
  request.set_arguments(arguments);
  return unary<v1::SubmitCallResponse>(&Stub::SubmitCall, request, timeout);
}

ReplicaClient::Answer<v1::QueryResponse> ReplicaClient::query(const std::string& canister,
                                                              const std::string& method,
                                                              const std::string& arguments,
                                                              Milliseconds timeout) {
  v1::QueryRequest request;
  request.set_canister(canister);
  request.set_method(method);
  request.set_arguments(arguments);
  return unary<v1::QueryResponse>(&Stub::Query, request, timeout);
}

grpc::Status ReplicaClient::follow(uint64_t connection, uint64_t from,
                                   const std::function<bool(const v1::TranscriptEntry&)>& take) {
  grpc::ClientContext context;
  v1::FollowTranscriptRequest request;
  request.set_connection_id(connection);
  request.set_from(from);
  const auto used = stub();
  const auto reader = used->FollowTranscript(&context, request);
  v1::FollowTranscriptResponse response;
  bool more = true;
  while (more && reader->Read(&response)) {
    for (int i = 0; more && i < response.entries_size(); ++i) more = take(response.entries(i));
  }
  if (more) {
    forget(used);
    return reader->Finish();
  }
  context.TryCancel();
  reader->Finish();
  return grpc::Status::OK;
}

ReplicaClient::Answer<std::string> ReplicaClient::export_transcript(uint64_t connection, uint64_t from,
                                                                    uint64_t to, Milliseconds timeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  v1::ExportTranscriptRequest request;
  request.set_connection_id(connection);
  request.set_from(from);
  request.set_to(to);
  const auto used = stub();
  const auto reader = used->ExportTranscript(&context, request);
  std::string out;
  v1::ExportTranscriptResponse response;
  while (reader->Read(&response)) out += response.bytes();
  auto status = reader->Finish();
  if (status.ok()) return out;
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) forget(used);
  return std::unexpected(std::move(status));
}

}  // namespace icws::tools
