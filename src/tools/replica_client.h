// A replica's icws.replica.v1, for programs on the same machine.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/time.h"
#include "icws/replica/v1/replica.grpc.pb.h"

namespace icws::tools {

// What: one channel. Thread-safety: all methods from any thread. Errors: the gRPC status. Connects anew
// by itself.
class ReplicaClient {
 public:
  explicit ReplicaClient(std::string socket) : socket_(std::move(socket)) {}

  template <class T>
  using Answer = std::expected<T, grpc::Status>;
  Answer<replica::v1::StatusResponse> status(Milliseconds timeout);
  Answer<replica::v1::ListConnectionsResponse> connections(Milliseconds timeout);
  Answer<replica::v1::ListCanistersResponse> canisters(Milliseconds timeout);
  Answer<replica::v1::SubmitCallResponse> call(const std::string& canister, const std::string& method,
                                               const std::string& arguments, Milliseconds timeout);
  Answer<replica::v1::QueryResponse> query(const std::string& canister, const std::string& method,
                                           const std::string& arguments, Milliseconds timeout);
  Answer<replica::v1::ListReplicasResponse> replicas(Milliseconds timeout);
  Answer<replica::v1::ChangeReplicasResponse> change_replicas(const std::string& transaction,
                                                              Milliseconds timeout);
  // Until `take` returns false or the stream ends.
  grpc::Status follow(uint64_t connection, uint64_t from,
                      const std::function<bool(const replica::v1::TranscriptEntry&)>& take);
  // The certificate of entries `from` .. `to` (0: the newest).
  Answer<std::string> export_transcript(uint64_t connection, uint64_t from, uint64_t to,
                                        Milliseconds timeout);

 private:
  using Stub = replica::v1::Replica::Stub;
  template <class Response, class Request>
  Answer<Response> unary(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                         const Request& request, Milliseconds timeout);
  std::shared_ptr<Stub> stub();
  // Forgets a channel that has failed; the next call makes another.
  void forget(const std::shared_ptr<Stub>& failed);

  const std::string socket_;
  std::mutex mutex_;
  std::shared_ptr<Stub> stub_;
};

}  // namespace icws::tools
