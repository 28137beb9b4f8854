#include "adapter/event_stream.h"

#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>

#include <iterator>
#include <utility>
#include <vector>

#include "adapter/hello.h"
#include "adapter/requests.h"
#include "icws/adapter/v1/adapter.pb.h"

namespace icws::adapter {
namespace {

grpc::Slice slice_of(Batch::Piece piece) {
  auto* owner = new std::shared_ptr<const void>(std::move(piece.owner));
  return grpc::Slice(
      const_cast<char*>(piece.data), piece.size,
      [](void* held) { delete static_cast<std::shared_ptr<const void>*>(held); }, owner);
}

grpc::ByteBuffer buffer_of(Batch batch) {
  std::vector<grpc::Slice> slices;
  slices.reserve(batch.pieces.size());
  for (auto& piece : batch.pieces) slices.push_back(slice_of(std::move(piece)));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

grpc::ByteBuffer buffer_of(const Bytes& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

EventStream* EventStream::start(EventHub& hub, Metrics& metrics, uint64_t instance,
                                grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<EventStream>(hub, metrics, context);
  stream->self_ = stream;
  auto attached = hub.attach(stream);
  auto hello = serialize_hello(instance, attached.sockets);
  auto* raw = stream.get();
  const std::lock_guard lock(raw->mutex_);
  raw->generation_ = attached.generation;
  if (!raw->finished_) {
    raw->hello_.assign(std::make_move_iterator(hello.begin()), std::make_move_iterator(hello.end()));
    raw->write_next();
    raw->StartRead(&raw->reading_);
  }
  return raw;
}

bool EventStream::acknowledge(grpc::ByteBuffer& request) {
  v1::EventsRequest parsed;
  grpc::ProtoBufferReader reader(&request);
  if (!reader.status().ok() || !parsed.ParseFromZeroCopyStream(&reader)) return false;
  const auto commands = commands_of(parsed);
  if (!commands) return false;
  for (const auto& command : *commands) hub_.acknowledge(command);
  return true;
}

void EventStream::OnReadDone(bool ok) {
  if (!ok) {
    finish(grpc::Status::OK);
    return;
  }
  const bool valid = acknowledge(reading_);
  if (!valid) {
    finish({grpc::StatusCode::INVALID_ARGUMENT, "not an EventsRequest, or too many acknowledgements"});
    return;
  }
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  reading_.Clear();
  StartRead(&reading_);
}

void EventStream::OnWriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    write_under_way_ = false;
    writing_.Clear();
  }
  if (ok) {
    pump();
  } else {
    finish(grpc::Status::CANCELLED);
  }
}

void EventStream::pump() {
  const std::lock_guard lock(mutex_);
  if (!write_under_way_ && !finished_) write_next();
}

void EventStream::write_next() {
  if (!hello_.empty()) {
    writing_ = buffer_of(hello_.front());
    hello_.pop_front();
  } else if (auto batch = hub_.next_batch(generation_)) {
    writing_ = buffer_of(std::move(*batch));
  } else {
    return;
  }
  write_under_way_ = true;
  StartWrite(&writing_);
}

void EventStream::wake() { pump(); }

void EventStream::end() {
  finish({grpc::StatusCode::ABORTED, "another Events stream began, or the adapter stops"});
}

// A write that the other side does not take would hold up the status: it is cut.
void EventStream::finish(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(finished_, true)) return;
  const bool began = generation_ != 0;
  if (began && write_under_way_) context_->TryCancel();
  metrics_.count_call(CallMethod::kEvents, status.error_code());
  Finish(status);
}

void EventStream::OnCancel() { finish(grpc::Status::CANCELLED); }

void EventStream::OnDone() {
  hub_.detach(generation_);
  // The hub may still hold a share for a moment; the last one frees it.
  const auto last = std::move(self_);
}

}  // namespace icws::adapter
