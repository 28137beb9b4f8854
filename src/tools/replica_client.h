// A replica's icws.replica.v1, for programs on the same machine.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "base/time.h"
#include "icws/replica/v1/replica.grpc.pb.h"

namespace icws::tools {

// What: one channel. Thread-safety: all methods from any thread. Errors: the gRPC status. Connects anew
// by itself.
class ReplicaClient {
 public:
  explicit ReplicaClient(const std::string& socket);

  template <class T>
  using Answer = std::expected<T, grpc::Status>;
  Answer<replica::v1::StatusResponse> status(Milliseconds timeout);
  Answer<replica::v1::ListConnectionsResponse> connections(Milliseconds timeout);
  Answer<replica::v1::SubmitCallResponse> call(const std::string& canister, const std::string& method,
                                               const std::string& arguments, Milliseconds timeout);
  Answer<replica::v1::QueryResponse> query(const std::string& canister, const std::string& method,
                                           const std::string& arguments, Milliseconds timeout);
  // Until `take` returns false or the stream ends.
  grpc::Status follow(uint64_t connection, uint64_t from,
                      const std::function<bool(const replica::v1::TranscriptEntry&)>& take);

 private:
  const std::unique_ptr<replica::v1::Replica::Stub> stub_;
};

}  // namespace icws::tools
