#include "adapter/daemon.h"

#include <grpcpp/impl/service_type.h>
#include <openssl/rand.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <optional>
#include <thread>

#include "adapter/connection_table.h"
#include "adapter/egress.h"
#include "adapter/event_hub.h"
#include "adapter/metrics_server.h"
#include "adapter/server.h"
#include "adapter/service.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;

// Between looks whether all connections have ended.
constexpr Milliseconds kStopPoll{10};
// For gRPC's calls, after the connections.
constexpr Milliseconds kServerStop{1'000};

HubLimits hub_limits(const AdapterConfig& config) {
  HubLimits out;
  out.events_max = config.events_max;
  out.bytes_max = config.event_bytes_max;
  out.bytes_total_max = config.event_bytes_total_max;
  out.bytes_share = config.event_bytes_share;
  return out;
}

Listener metrics_listener(asio::io_context& io, const std::string& where) {
  if (where.starts_with('/')) return Listener::at_path(io, where);
  const auto endpoint = parse_loopback(where);
  if (!endpoint) throw std::runtime_error(endpoint.error());
  return Listener::at_loopback(io, *endpoint);
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

uint64_t random_instance() {
  uint64_t out = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&out), sizeof out) != 1) {
    throw std::runtime_error("the system has no randomness");
  }
  return out;
}

}  // namespace

struct Daemon::Impl {
  explicit Impl(const AdapterConfig& settings)
      : config(settings),
        log(*log_level_from(config.log_level)),
        egress(io.get_executor(), config, metrics),
        hub(hub_limits(config)),
        read_buffer(kReadBytes, '\0'),
        keeper(io.get_executor(), keeper_period(config)),
        table(io.get_executor(), {config, egress, hub, mask_keys, read_buffer, keeper, metrics}, log),
        service(make_service(io.get_executor(), table, hub, metrics, random_instance())),
        server(io, listen_privately(io, config.socket), *service, metrics, log),
        stop_timer(io) {
    if (!config.metrics.empty()) {
      metrics_server.emplace(io, metrics_listener(io, config.metrics), metrics, [this] { return scrape(); });
      log.write(LogLevel::kInfo, "metrics", {{"at", metrics_server->address()}});
    }
    log.write(LogLevel::kInfo, "listening", {{"socket", config.socket}});
    io_thread = std::thread([this] { io.run(); });
  }

  std::string scrape() const {
    const auto counts = table.counts();
    Gauges out;
    out.version = ICWS_VERSION;
    out.process = process_usage();
    out.start_time_seconds = start_time_seconds;
    out.connections = counts.states;
    out.connections_paused = counts.paused;
    out.hub = hub.totals();
    out.lookups = egress.look_ups();
    return exposition(metrics, out);
  }

  void close_connections() {
    std::promise<void> ended;
    asio::post(io, [this, &ended] {
      if (metrics_server) metrics_server->stop();
      table.stop();
      wait_idle(Clock::now() + config.stop_timeout - kServerStop, ended);
    });
    ended.get_future().wait();
  }

  // After the deadline what is left is cut, and ends then without waiting for anybody.
  void wait_idle(std::chrono::steady_clock::time_point deadline, std::promise<void>& ended) {
    if (table.idle() && (!metrics_server || metrics_server->idle())) {
      ended.set_value();
      return;
    }
    if (Clock::now() >= deadline) {
      if (!std::exchange(stop_late, true)) metrics.pass(Limit::kStopTimeout);
      table.abort_all();
    }
    stop_timer.expires_after(kStopPoll);
    stop_timer.async_wait(
        [this, deadline, &ended](const boost::system::error_code&) { wait_idle(deadline, ended); });
  }

  using Clock = std::chrono::steady_clock;

  const AdapterConfig config;
  const Log log;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
  Metrics metrics;
  const double start_time_seconds = now_seconds();
  Egress egress;
  EventHub hub;
  MaskKeys mask_keys;
  Bytes read_buffer;
  Keeper keeper;
  ConnectionTable table;
  std::unique_ptr<grpc::Service> service;
  Server server;
  std::optional<MetricsServer> metrics_server;
  asio::steady_timer stop_timer;
  std::thread io_thread;
  bool stop_late = false;
  bool stopped = false;
};

Daemon::Daemon(const AdapterConfig& config) : impl_(std::make_unique<Impl>(config)) {}

Daemon::~Daemon() { stop(); }

void Daemon::stop() {
  if (std::exchange(impl_->stopped, true)) return;
  impl_->log.write(LogLevel::kInfo, "stopping");
  impl_->server.stop_accepting();
  impl_->close_connections();
  impl_->hub.stop();
  impl_->server.shutdown(kServerStop);
  impl_->work.reset();
  impl_->io.stop();
  impl_->io_thread.join();
  impl_->log.write(LogLevel::kInfo, "stopped");
}

}  // namespace icws::adapter
