// A replica's side that costs as little as it can: it counts, and acknowledges.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "icws/adapter/v1/adapter.grpc.pb.h"

namespace icws::bench {

// What: the Events stream on a completion queue, one read and one write under way; events are counted from
// the raw bytes. Thread-safety: none. Ownership: the destructor ends the stream. Errors: receive() is false.
class Subscriber {
 public:
  // `key`: of the one socket there is.
  Subscriber(const std::shared_ptr<grpc::Channel>& channel, adapter::v1::SocketKey key);
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // Until `events` came; false if the stream ended.
  bool receive(uint64_t events);

 private:
  enum Which : intptr_t { kStarted = 1, kRead, kWritten };
  static void* tag(Which which) { return reinterpret_cast<void*>(which); }
  std::pair<Which, bool> wait();

  grpc::GenericStub stub_;
  adapter::v1::SocketKey key_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer read_;
  grpc::ByteBuffer write_;
  bool writing_ = false;
  uint64_t newest_ = 0;
  uint64_t acknowledged_ = 0;
};

// To the adapter's socket; without a limit on what it receives.
std::shared_ptr<grpc::Channel> open_channel(const std::string& socket_path);
// A request that opens connection 1.
adapter::v1::OpenRequest open_request(const std::string& url);

}  // namespace icws::bench
