#include "tests/integration/adapter/threaded_adapter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>

#include "adapter/config_parse.h"
#include "tests/support/waiting.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;

// Of grpc::StatusCode.
constexpr int kOk = 0;
constexpr int kFailedPrecondition = 9;

int code_of(bool) { return kOk; }
template <class Value>
int code_of(const std::expected<Value, TableError>& result) {
  return result ? kOk : kFailedPrecondition;
}

HubLimits hub_limits(const AdapterConfig& config) {
  HubLimits out;
  out.events_max = config.events_max;
  out.bytes_max = config.event_bytes_max;
  out.bytes_total_max = config.event_bytes_total_max;
  out.bytes_share = config.event_bytes_share;
  return out;
}

Listener any_loopback(asio::io_context& io) {
  return Listener::at_loopback(io, {asio::ip::address_v4::loopback(), 0});
}

}  // namespace

ThreadedAdapter::ThreadedAdapter(const AdapterConfig& config)
    : config_(config),
      null_descriptor_(::open("/dev/null", O_WRONLY | O_CLOEXEC)),
      log_(*log_level_from(config.log_level), null_descriptor_),
      egress_(io_.get_executor(), config_, metrics_),
      hub_(hub_limits(config)),
      read_buffer_(kReadBytes, '\0'),
      keeper_(io_.get_executor(), keeper_period(config)),
      table_(io_.get_executor(), {config_, egress_, hub_, mask_keys_, read_buffer_, keeper_, metrics_, log_}),
      metrics_server_(io_, any_loopback(io_), metrics_, [this] { return scrape(); }),
      io_thread_([this] { io_.run(); }) {}

ThreadedAdapter::~ThreadedAdapter() {
  on_io_thread([this] {
    metrics_server_.stop();
    table_.stop();
    return true;
  });
  EXPECT_TRUE(support::poll(
      [this] { return on_io_thread([this] { return table_.idle() && metrics_server_.idle(); }); }));
  hub_.stop();
  work_.reset();
  io_.stop();
  io_thread_.join();
  ::close(null_descriptor_);
}

template <class Result>
void ThreadedAdapter::call(CallMethod method, std::function<Result()> work, Answer<Result> answer) {
  asio::post(io_, [this, method, work = std::move(work), answer = std::move(answer)] {
    auto result = work();
    metrics_.count_call(method, code_of(result));
    answer(std::move(result));
  });
}

void ThreadedAdapter::open(replica::OpenCommand command, Answer<std::expected<bool, TableError>> answer) {
  using Result = std::expected<bool, TableError>;
  call<Result>(
      CallMethod::kOpen, [this, command = std::move(command)] { return table_.open(command); },
      std::move(answer));
}

void ThreadedAdapter::send(std::vector<replica::SendCommand> messages,
                           Answer<std::expected<uint64_t, TableError>> answer) {
  using Result = std::expected<uint64_t, TableError>;
  call<Result>(
      CallMethod::kSend,
      [this, messages = std::move(messages)] { return table_.send(messages.front().key, messages); },
      std::move(answer));
}

void ThreadedAdapter::close(replica::CloseCommand command, Answer<bool> answer) {
  call<bool>(
      CallMethod::kClose,
      [this, command = std::move(command)] {
        return table_.close(command.key, command.code, command.reason);
      },
      std::move(answer));
}

std::vector<HubSocketReport> ThreadedAdapter::status() {
  return on_io_thread([this] {
    std::vector<HubSocketReport> out;
    for (const auto& report : table_.report()) out.push_back(hub_.report(report.key));
    metrics_.count_call(CallMethod::kStatus, kOk);
    return out;
  });
}

std::string ThreadedAdapter::scrape() const {
  const auto counts = table_.counts();
  Gauges out;
  out.process = process_usage();
  out.connections = counts.states;
  out.connections_paused = counts.paused;
  out.hub = hub_.totals();
  out.lookups = egress_.look_ups();
  out.log = log_.counts();
  return exposition(metrics_, out);
}

void ThreadedAdapter::take(const AdapterConfig& next) {
  take_reloadable(next, config_);
  egress_.reload();
  hub_.set_limits(hub_limits(config_));
  keeper_.set_period(keeper_period(config_));
  log_.set_level(*log_level_from(config_.log_level));
  ++metrics_.reloads;
}

void ThreadedAdapter::reload(const AdapterConfig& next) {
  on_io_thread([&] {
    take(next);
    return true;
  });
}

}  // namespace icws::adapter
