#include "tests/conformance/echo_client.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>
#include <utility>

#include "adapter/connection_table.h"
#include "adapter/egress.h"
#include "adapter/event_hub.h"
#include "icws/adapter/v1/adapter.pb.h"

namespace icws::conformance {
namespace {

namespace asio = boost::asio;

// Case 9.1.6 and its like send 16 MiB.
constexpr uint64_t kMessageBytesMax = 17 * 1024 * 1024;

adapter::AdapterConfig make_config() {
  adapter::AdapterConfig out;
  out.event_bytes_max = 4 * kMessageBytesMax;
  out.send_bytes_max = 4 * kMessageBytesMax;
  // The suite's server is slow, not hostile: it takes seconds to start, and its pauses are the cases' own.
  out.upgrade_timeout = Milliseconds(60'000);
  out.open_timeout = Milliseconds(120'000);
  out.message_timeout = Milliseconds(600'000);
  out.write_timeout = Milliseconds(600'000);
  // The cases compare what they send, the most compressible things included.
  out.compression = true;
  out.compression_window_bits = 15;
  out.compression_ratio_max = 1'032;
  out.allow_networks = {"127.0.0.0/8"};
  // One case after the other, as fast as they go.
  out.opens_per_second_max = 1'000'000;
  out.opens_per_second_per_destination_max = 1'000'000;
  return out;
}

adapter::HubLimits hub_limits(const adapter::AdapterConfig& config) {
  adapter::HubLimits out;
  out.events_max = config.events_max;
  out.bytes_max = config.event_bytes_max;
  return out;
}

}  // namespace

class EchoClient::Impl {
 public:
  Impl() { attach(); }
  ~Impl() {
    hub_.stop();
    table_.stop();
    table_.abort_all();
    while (!table_.idle()) io_.run_one();
  }

  std::optional<Outcome> run(const std::string& url, std::chrono::milliseconds deadline) {
    outcome_ = {};
    ended_ = late_ = false;
    ++connection_;
    sent_ = 0;
    replica::OpenCommand command;
    command.key = key();
    command.url = url;
    command.message_bytes_max = kMessageBytesMax;
    command.compression = true;
    if (!table_.open(std::move(command))) throw std::runtime_error("the table takes no connection");
    timer_.expires_after(deadline);
    timer_.async_wait([this](const boost::system::error_code& error) { late_ = late_ || !error; });
    // The connection itself may still be closing when its Closed event is here.
    while (!late_ && !(ended_ && table_.idle())) io_.run_one();
    timer_.cancel();
    table_.close(key(), 1000, "");
    if (late_) table_.abort_all();
    while (!table_.idle()) io_.run_one();
    if (late_) return std::nullopt;
    return outcome_;
  }

 private:
  class Sink final : public adapter::EventSink {
   public:
    explicit Sink(Impl& impl) : impl_(impl) {}
    // Within the publishing connection's turn: so a message is answered before what follows it is judged, as
    // in any program that handles messages in a callback.
    void wake() override { impl_.pump(); }
    void end() override {}

   private:
    Impl& impl_;
  };

  replica::SocketKey key() const { return {ConnectionId(connection_), Epoch(1), Attempt(1)}; }

  void attach() {
    generation_ = hub_.attach(std::make_shared<Sink>(*this)).generation;
    pump();
  }

  void pump() {
    while (auto batch = hub_.next_batch(generation_)) {
      Bytes flat;
      for (const auto& piece : batch->pieces) flat.append(piece.data, piece.size);
      adapter::v1::EventsResponse response;
      if (!response.ParseFromString(flat)) throw std::logic_error("the hub's batch is not an EventsResponse");
      for (auto& socket : *response.mutable_sockets()) {
        if (socket.key().connection_id() != connection_) continue;
        for (auto& event : *socket.mutable_events()) take(event);
      }
    }
  }

  void take(adapter::v1::Event& event) {
    if (event.has_opened()) {
      outcome_.opened = true;
    } else if (event.has_message()) {
      echo(*event.mutable_message());
    } else if (event.has_closed()) {
      outcome_.cause = static_cast<transcript::Cause>(event.closed().cause());
      outcome_.detail = event.closed().detail();
      ended_ = true;
    } else {
      outcome_.cause = static_cast<transcript::Cause>(event.open_failed().cause());
      outcome_.detail = event.open_failed().detail();
      ended_ = true;
    }
    hub_.acknowledge({key(), EventSequence(event.sequence()), Position(event.sequence()), Digest{}});
  }

  // The socket may have ended meanwhile: the answer is then refused, which is the end of it.
  void echo(adapter::v1::Message& message) {
    if (!outcome_.message) outcome_.message = message.content();
    const replica::SendCommand command{key(), ++sent_, static_cast<replica::MessageKind>(message.kind()),
                                       std::move(*message.mutable_content())};
    (void)table_.send(key(), {&command, 1});
  }

  const adapter::AdapterConfig config_ = make_config();
  const adapter::Log log_{adapter::LogLevel::kError};
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  adapter::Metrics metrics_;
  adapter::Egress egress_{io_.get_executor(), config_, metrics_};
  adapter::EventHub hub_{hub_limits(config_)};
  adapter::MaskKeys mask_keys_;
  Bytes read_buffer_ = Bytes(adapter::kReadBytes, '\0');
  adapter::Keeper keeper_{io_.get_executor(), adapter::keeper_period(config_)};
  adapter::ConnectionTable table_{
      io_.get_executor(), {config_, egress_, hub_, mask_keys_, read_buffer_, keeper_, metrics_, log_}};
  asio::steady_timer timer_{io_};
  uint64_t generation_ = 0;
  uint64_t connection_ = 0;
  uint64_t sent_ = 0;
  Outcome outcome_;
  bool ended_ = false;
  bool late_ = false;
};

EchoClient::EchoClient() : impl_(std::make_unique<Impl>()) {}
EchoClient::~EchoClient() = default;

std::optional<Outcome> EchoClient::run(const std::string& url, std::chrono::milliseconds deadline) {
  return impl_->run(url, deadline);
}

}  // namespace icws::conformance
