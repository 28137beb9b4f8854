#include "tests/integration/adapter/hub_subscriber.h"

#include <mutex>
#include <utility>

namespace icws::adapter {
namespace {

constexpr size_t kThreads = 2;

// Of grpc::StatusCode.
constexpr int kAborted = 10;

// Reads what the I/O thread wrote, where gRPC would hand it to the kernel.
Bytes flatten(const Batch& batch) {
  Bytes out;
  for (const auto& piece : batch.pieces) out.append(piece.data, piece.size);
  return out;
}

}  // namespace

// The locks are EventStream's: its own may be held when the hub's is taken.
class HubSubscriber::Stream final : public EventSink, public std::enable_shared_from_this<Stream> {
 public:
  explicit Stream(HubSubscriber& owner) : owner_(owner) {}

  void start() {
    auto attached = owner_.hub_.attach(shared_from_this());
    const std::lock_guard lock(mutex_);
    generation_ = attached.generation;
    write_under_way_ = false;
    if (!finished_) write_next();
  }

  void written() {
    const std::lock_guard lock(mutex_);
    write_under_way_ = false;
    if (!finished_) write_next();
  }

  void forget() {
    const std::lock_guard lock(mutex_);
    owner_.hub_.detach(generation_);
  }

  void wake() override {
    const std::lock_guard lock(mutex_);
    if (!write_under_way_ && !finished_) write_next();
  }

  void end() override {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(finished_, true)) return;
    }
    owner_.metrics_.count_call(CallMethod::kEvents, kAborted);
    owner_.jobs_.put({shared_from_this(), std::nullopt});
  }

 private:
  // Precondition: the lock, and no write under way.
  void write_next() {
    auto batch = owner_.hub_.next_batch(generation_);
    if (!batch) return;
    write_under_way_ = true;
    owner_.jobs_.put({shared_from_this(), std::move(batch)});
  }

  HubSubscriber& owner_;
  std::mutex mutex_;
  uint64_t generation_ = 0;
  // Until start() has the generation, nothing is written.
  bool write_under_way_ = true;
  bool finished_ = false;
};

HubSubscriber::HubSubscriber(EventHub& hub, Metrics& metrics, OnBatch on_batch)
    : hub_(hub), metrics_(metrics), on_batch_(std::move(on_batch)) {
  for (size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { run(); });
}

HubSubscriber::~HubSubscriber() {
  hub_.stop();
  for (size_t i = 0; i < kThreads; ++i) jobs_.put({nullptr, std::nullopt});
  for (auto& thread : threads_) thread.join();
}

void HubSubscriber::attach() { std::make_shared<Stream>(*this)->start(); }

void HubSubscriber::run() {
  for (;;) {
    auto job = jobs_.take();
    if (!job) continue;
    if (!job->stream) return;
    if (!job->batch) {
      job->stream->forget();
      continue;
    }
    const auto bytes = flatten(*job->batch);
    job->batch.reset();
    on_batch_(bytes);
    job->stream->written();
  }
}

}  // namespace icws::adapter
