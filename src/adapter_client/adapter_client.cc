#include "adapter_client/adapter_client.h"

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "adapter_client/command_queue.h"
#include "adapter_client/convert.h"
#include "icws/adapter/v1/adapter.grpc.pb.h"

namespace icws::adapter_client {
namespace {

namespace v1 = adapter::v1;
using replica::AdapterEvent;

// Of the proto.
constexpr size_t kAcknowledgementsMax = 4'096;
constexpr int kResponseBytesMax = 8 * 1024 * 1024;

// What the completion queue gives back: an operation that knows what to do when it is done.
class Operation {
 public:
  virtual ~Operation() = default;
  virtual void done(bool ok) = 0;
};

// An operation of its owner's, as a function.
class Step final : public Operation {
 public:
  explicit Step(std::function<void(bool)> then) : then_(std::move(then)) {}
  void done(bool ok) override { then_(ok); }

 private:
  std::function<void(bool)> then_;
};

}  // namespace

// All but the inbox belongs to one thread, which is also the completion queue's: no locks, no callbacks on
// gRPC's threads.
class AdapterClient::Worker {
 public:
  Worker(AdapterClientOptions options, Deliver deliver)
      : options_(std::move(options)), deliver_(std::move(deliver)) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kResponseBytesMax);
    const auto delay = static_cast<int>(options_.reconnect_delay.count());
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, delay);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, delay);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, delay);
    stub_ = v1::Adapter::NewStub(
        grpc::CreateCustomChannel(options_.target, grpc::InsecureChannelCredentials(), arguments));
    thread_ = std::thread([this] { run(); });
  }

  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      wake();
    }
    thread_.join();
  }

  void submit(replica::AdapterCommand command) {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(command));
    wake();
  }

 private:
  // One Events stream with all that belongs to its time.
  struct Stream {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::EventsRequest, v1::EventsResponse>> call;
    v1::EventsRequest request;
    v1::EventsResponse response;
    grpc::Status status;
    // The parts of Hello so far.
    std::optional<replica::AdapterUp> hello;
    bool up = false;
    bool writing = false;
    bool reading = false;
    bool ending = false;
  };

  template <class Response>
  class Unary final : public Operation {
   public:
    using Then = std::function<void(const grpc::Status&, const Response&)>;
    Unary(Worker& worker, Then then) : worker_(worker), then_(std::move(then)) {
      context_.set_deadline(std::chrono::system_clock::now() + worker.options_.call_timeout);
      worker.contexts_.insert(&context_);
      ++worker.calls_;
    }
    template <class Start>
    void start(Start start) {
      reader_ = start(&context_, &worker_.queue_);
      reader_->Finish(&response_, &status_, this);
    }
    void done(bool) override {
      worker_.contexts_.erase(&context_);
      --worker_.calls_;
      then_(status_, response_);
      delete this;
    }

   private:
    Worker& worker_;
    Then then_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
    Response response_;
    grpc::Status status_;
  };

  // Precondition: the lock. One wake at a time is enough.
  void wake() {
    if (std::exchange(woken_, true)) return;
    wake_.Set(&queue_, std::chrono::system_clock::now(), &on_wake_);
  }

  void run() {
    begin_stream();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) static_cast<Operation*>(tag)->done(ok);
  }

  void handle_wake() {
    std::vector<replica::AdapterCommand> commands;
    {
      const std::lock_guard lock(mutex_);
      woken_ = false;
      commands.swap(inbox_);
      if (stopping_) stopped_ = true;
    }
    if (stopped_) {
      stop();
      return;
    }
    if (!stream_ || !stream_->up || stream_->ending) return;
    for (auto& command : commands) commands_.push(std::move(command));
    if (commands_.bytes() > options_.queued_bytes_max) {
      end_stream();
      return;
    }
    advance();
  }

  void stop() {
    end_stream();
    for (auto* context : contexts_) context->TryCancel();
    reconnect_.Cancel();
    for (auto& [key, alarm] : send_retries_) alarm->Cancel();
    shut_down_if_idle();
  }

  // The queue may be shut down when nothing is under way that would start something new.
  void shut_down_if_idle() {
    if (!stopped_ || stream_ || reconnecting_ || calls_ > 0 || !send_retries_.empty()) return;
    queue_.Shutdown();
  }

  // --- The stream.
  void begin_stream() {
    stream_ = std::make_unique<Stream>();
    stream_->call = stub_->PrepareAsyncEvents(&stream_->context, &queue_);
    stream_->reading = true;
    stream_->call->StartCall(&on_started_);
  }

  void handle_started(bool ok) {
    stream_->reading = false;
    if (ok && !stream_->ending) {
      read();
    } else {
      end_stream();
      finish_stream();
    }
  }

  void read() {
    stream_->reading = true;
    stream_->response.Clear();
    stream_->call->Read(&stream_->response, &on_read_);
  }

  void handle_read(bool ok) {
    stream_->reading = false;
    if (ok && !stream_->ending && take_response()) {
      read();
      advance();
      return;
    }
    end_stream();
    finish_stream();
  }

  // False: the adapter broke the interface. Hello comes first, in all its parts, and never again.
  bool take_response() {
    auto& response = stream_->response;
    if (response.has_hello() == stream_->up) return false;
    std::vector<AdapterEvent> events;
    if (response.has_hello()) {
      if (!take_part(response.hello(), stream_->hello)) return false;
      if (response.hello().more()) return true;
      stream_->up = true;
      events.emplace_back(std::move(*stream_->hello));
      stream_->hello.reset();
    } else {
      auto of_sockets = events_of(response);
      if (!of_sockets) return false;
      events = std::move(*of_sockets);
    }
    if (!events.empty()) deliver_(std::move(events));
    return true;
  }

  void handle_written(bool ok) {
    stream_->writing = false;
    if (!ok) end_stream();
    if (stream_->ending) {
      finish_stream();
    } else {
      advance();
    }
  }

  void end_stream() {
    if (!stream_ || std::exchange(stream_->ending, true)) return;
    stream_->context.TryCancel();
    for (auto* context : contexts_) context->TryCancel();
  }

  // Once neither read nor write is under way.
  void finish_stream() {
    if (stream_->reading || stream_->writing) return;
    stream_->call->Finish(&stream_->status, &on_finished_);
  }

  void handle_finished() {
    const bool was_up = stream_->up;
    stream_.reset();
    commands_.clear();
    ++generation_;
    if (was_up) {
      std::vector<AdapterEvent> down;
      down.emplace_back(replica::AdapterDown{});
      deliver_(std::move(down));
    }
    if (stopped_) {
      shut_down_if_idle();
      return;
    }
    reconnecting_ = true;
    reconnect_.Set(&queue_, std::chrono::system_clock::now() + options_.reconnect_delay, &on_reconnect_);
  }

  void handle_reconnect() {
    reconnecting_ = false;
    if (stopped_) {
      shut_down_if_idle();
    } else {
      begin_stream();
    }
  }

  // --- Commands.
  void advance() {
    if (!stream_ || !stream_->up || stream_->ending) return;
    if (!stream_->writing && commands_.has_acknowledgements()) {
      stream_->writing = true;
      stream_->request = request_of(commands_.take_acknowledgements(kAcknowledgementsMax));
      stream_->call->Write(stream_->request, &on_written_);
    }
    while (calls_ < options_.calls_max) {
      auto call = commands_.next();
      if (!call) break;
      std::visit([this](auto&& one) { start(std::move(one)); }, std::move(*call));
    }
  }

  // True if the call belongs to a stream that is over: what it brought is of no interest.
  bool stale(uint64_t generation) {
    shut_down_if_idle();
    // It held one of the places for calls.
    if (generation != generation_) advance();
    return generation != generation_ || !stream_ || stream_->ending;
  }

  void start(replica::OpenCommand command) {
    command.proxies.insert(command.proxies.end(), options_.proxies.begin(), options_.proxies.end());
    auto* call = new Unary<v1::OpenResponse>(
        *this, [this, key = command.key, generation = generation_](const grpc::Status& status, const auto&) {
          if (stale(generation)) return;
          opened(key, status);
        });
    call->start(
        [&](auto* context, auto* queue) { return stub_->AsyncOpen(context, request_of(command), queue); });
  }

  void opened(const replica::SocketKey& key, const grpc::Status& status) {
    const bool refused = status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
                         status.error_code() == grpc::StatusCode::INVALID_ARGUMENT;
    if (refused) {
      const auto cause = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT
                             ? transcript::Cause::InvalidRequest
                             : transcript::Cause::Adapter;
      std::vector<AdapterEvent> events;
      events.emplace_back(replica::SocketEvent{key, EventSequence(1),
                                               replica::SocketOpenFailed{cause, status.error_message()}});
      commands_.drop_sends(key);
      deliver_(std::move(events));
    } else if (!status.ok()) {
      end_stream();
      return;
    }
    commands_.done(key);
    advance();
  }

  void start(CommandQueue::Sends sends) {
    auto request = request_of(sends);
    auto* call = new Unary<v1::SendResponse>(
        *this, [this, sends = std::move(sends), generation = generation_](
                   const grpc::Status& status, const v1::SendResponse& response) mutable {
          if (stale(generation)) return;
          sent(std::move(sends), status, response.accepted_up_to());
        });
    call->start([&](auto* context, auto* queue) { return stub_->AsyncSend(context, request, queue); });
  }

  void sent(CommandQueue::Sends sends, const grpc::Status& status, uint64_t accepted_up_to) {
    const auto key = sends.key;
    switch (status.error_code()) {
      case grpc::StatusCode::OK:
        if (accepted_up_to < sends.messages.back().sequence) {
          commands_.done_partly(std::move(sends), accepted_up_to);
          retry_sends(key);
          return;
        }
        break;
      // The socket has ended, or its canister sends what cannot be sent: its events say how it goes on.
      case grpc::StatusCode::NOT_FOUND:
      case grpc::StatusCode::FAILED_PRECONDITION:
      case grpc::StatusCode::INVALID_ARGUMENT:
        commands_.drop_sends(key);
        break;
      default:
        end_stream();
        return;
    }
    commands_.done(key);
    advance();
  }

  // The socket's lane stays busy until then, so that nothing overtakes.
  void retry_sends(const replica::SocketKey& key) {
    auto& alarm = send_retries_[key];
    alarm = std::make_unique<grpc::Alarm>();
    auto* step = new OneTime([this, key, generation = generation_](bool) {
      send_retries_.erase(key);
      if (stale(generation)) return;
      commands_.resume(key);
      advance();
    });
    alarm->Set(&queue_, std::chrono::system_clock::now() + options_.send_retry_delay, step);
  }

  void start(replica::CloseCommand command) {
    auto* call = new Unary<v1::CloseResponse>(
        *this, [this, key = command.key, generation = generation_](const grpc::Status& status, const auto&) {
          if (stale(generation)) return;
          // Refused, the socket would stay: after a new AdapterUp the replica closes what it does not know.
          if (!status.ok()) {
            end_stream();
            return;
          }
          commands_.done(key);
          advance();
        });
    call->start(
        [&](auto* context, auto* queue) { return stub_->AsyncClose(context, request_of(command), queue); });
  }

  // An operation that frees itself.
  class OneTime final : public Operation {
   public:
    explicit OneTime(std::function<void(bool)> then) : then_(std::move(then)) {}
    void done(bool ok) override {
      then_(ok);
      delete this;
    }

   private:
    std::function<void(bool)> then_;
  };

  const AdapterClientOptions options_;
  const Deliver deliver_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<v1::Adapter::Stub> stub_;

  std::mutex mutex_;
  std::vector<replica::AdapterCommand> inbox_;
  bool woken_ = false;
  bool stopping_ = false;
  grpc::Alarm wake_;

  // The worker thread's.
  CommandQueue commands_;
  std::unique_ptr<Stream> stream_;
  std::set<grpc::ClientContext*> contexts_;
  std::map<replica::SocketKey, std::unique_ptr<grpc::Alarm>> send_retries_;
  grpc::Alarm reconnect_;
  size_t calls_ = 0;
  uint64_t generation_ = 0;
  bool reconnecting_ = false;
  bool stopped_ = false;
  Step on_wake_{[this](bool) { handle_wake(); }};
  Step on_started_{[this](bool ok) { handle_started(ok); }};
  Step on_read_{[this](bool ok) { handle_read(ok); }};
  Step on_written_{[this](bool ok) { handle_written(ok); }};
  Step on_finished_{[this](bool) { handle_finished(); }};
  Step on_reconnect_{[this](bool) { handle_reconnect(); }};
  std::thread thread_;
};

AdapterClient::AdapterClient(AdapterClientOptions options, Deliver deliver)
    : worker_(std::make_unique<Worker>(std::move(options), std::move(deliver))) {}

AdapterClient::~AdapterClient() = default;

void AdapterClient::submit(replica::AdapterCommand command) { worker_->submit(std::move(command)); }

}  // namespace icws::adapter_client
