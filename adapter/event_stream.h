// The Events call: the hub's batches down, acknowledgements up.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "adapter/event_hub.h"

namespace icws::adapter {

// What: one Events stream. Batches go out as the hub's own bytes, without a copy; one is under way at a time,
// so that while the replica is slow the next one fills.
// Thread-safety: gRPC's and the hub's threads; one mutex of its own, which may be held when the hub's is
// taken, never the other way round.
// Ownership: keeps itself until OnDone; the hub shares it while it is attached.
// Errors: an end by the hub is ABORTED, a malformed request INVALID_ARGUMENT.
class EventStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                          public EventSink,
                          public std::enable_shared_from_this<EventStream> {
 public:
  // Attaches to the hub and writes Hello. The pointer is gRPC's to call until OnDone.
  static EventStream* start(EventHub& hub, Metrics& metrics, uint64_t instance,
                            grpc::CallbackServerContext* context);

  // Use start().
  EventStream(EventHub& hub, Metrics& metrics, grpc::CallbackServerContext* context)
      : hub_(hub), metrics_(metrics), context_(context) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void wake() override;
  void end() override;

 private:
  bool acknowledge(grpc::ByteBuffer& request);
  void pump();
  // Precondition: the lock, and no write under way.
  void write_next();
  void finish(const grpc::Status& status);

  EventHub& hub_;
  Metrics& metrics_;
  grpc::CallbackServerContext* context_;
  std::shared_ptr<EventStream> self_;
  std::mutex mutex_;
  uint64_t generation_ = 0;
  // Parts that are not written yet.
  std::deque<Bytes> hello_;
  grpc::ByteBuffer reading_;
  grpc::ByteBuffer writing_;
  // Until start() has begun with Hello, nothing else may.
  bool write_under_way_ = true;
  bool finished_ = false;
};

}  // namespace icws::adapter
