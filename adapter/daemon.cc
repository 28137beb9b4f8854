#include "adapter/daemon.h"

#include <grpcpp/impl/service_type.h>

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
#include "adapter/randomness.h"
#include "adapter/server.h"
#include "adapter/service.h"
#include "adapter/stop_guard.h"
#include "adapter/users.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;

// Between looks whether all connections have ended.
constexpr Milliseconds kStopPoll{10};
// For gRPC's calls, after the connections.
constexpr Milliseconds kServerStop{1'000};
// gRPC's Shutdown may not return; this long after its time the process is ended by force.
constexpr Milliseconds kStuckAfter{2'000};
// Between reports of log lines that were kept back.
constexpr Milliseconds kLogReport{10'000};

HubLimits hub_limits(const AdapterConfig& config) {
  HubLimits out;
  out.events_max = config.events_max;
  out.bytes_max = config.event_bytes_max;
  out.bytes_total_max = config.event_bytes_total_max;
  out.bytes_share = config.event_bytes_share;
  return out;
}

// Nothing: metrics are not served.
std::optional<Listener> metrics_listener(asio::io_context& io, const std::string& where,
                                         const PassedSockets& passed) {
  if (passed.metrics >= 0) return Listener::of_descriptor(io, passed.metrics);
  if (where.empty()) return std::nullopt;
  if (where.starts_with('/')) return Listener::at_path(io, where);
  const auto endpoint = parse_loopback(where);
  if (!endpoint) throw std::runtime_error(endpoint.error());
  return Listener::at_loopback(io, *endpoint);
}

Listener grpc_listener(asio::io_context& io, const AdapterConfig& config, const PassedSockets& passed) {
  if (passed.grpc >= 0) return Listener::of_descriptor(io, passed.grpc);
  return listen_privately(io, config.socket);
}

std::vector<uid_t> users(const AdapterConfig& config) {
  std::vector<uid_t> out;
  for (const auto& text : config.allow_users) {
    // One that was removed meanwhile has no processes to let in.
    if (const auto user = find_user(text)) out.push_back(*user);
  }
  return out;
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

struct Daemon::Impl {
  Impl(const AdapterConfig& settings, Supervision supervisor)
      : config(settings),
        supervision(std::move(supervisor)),
        log(*log_level_from(config.log_level)),
        egress(io.get_executor(), config, metrics),
        hub(hub_limits(config)),
        read_buffer(kReadBytes, '\0'),
        keeper(io.get_executor(), keeper_period(config)),
        table(io.get_executor(), {config, egress, hub, mask_keys, read_buffer, keeper, metrics, log}),
        service(make_service(io.get_executor(), table, hub, metrics, random_number())),
        server(io, grpc_listener(io, config, supervision.sockets), *service, metrics, log),
        stop_timer(io),
        housekeeping(io) {
    server.allow(users(config));
    if (auto listener = metrics_listener(io, config.metrics, supervision.sockets)) {
      metrics_server.emplace(io, std::move(*listener), metrics, [this] { return scrape(); });
      log.write(LogLevel::kInfo, "metrics", {{"at", metrics_server->address()}});
    }
    log.write(LogLevel::kInfo, "listening", {{"socket", server.address()}, {"version", ICWS_VERSION}});
    keep_house();
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
    out.log = log.counts();
    return exposition(metrics, out);
  }

  void keep_house() {
    if (supervision.alive) supervision.alive();
    if (const auto now = Clock::now(); now - log_reported >= kLogReport) {
      log_reported = now;
      log.report_suppressed();
    }
    housekeeping.expires_after(supervision.alive_interval.value_or(kLogReport));
    housekeeping.async_wait([this](const boost::system::error_code& error) {
      if (!error) keep_house();
    });
  }

  // On the I/O thread. The names of what needs a restart.
  std::expected<std::vector<std::string>, std::string> take(const AdapterConfig& next,
                                                            std::vector<uid_t> allowed) {
    const AdapterConfig before = config;
    auto kept = take_reloadable(next, config);
    try {
      egress.reload();
    } catch (const std::exception& error) {
      config = before;
      return std::unexpected(error.what());
    }
    hub.set_limits(hub_limits(config));
    keeper.set_period(keeper_period(config));
    server.allow(std::move(allowed));
    log.set_level(*log_level_from(config.log_level));
    return kept;
  }

  void reload(const std::expected<AdapterConfig, ConfigFaults>& loaded, std::vector<uid_t> allowed) {
    ConfigFaults faults;
    std::vector<std::string> kept;
    if (!loaded) {
      faults = loaded.error();
    } else if (auto taken = take(*loaded, std::move(allowed))) {
      kept = std::move(*taken);
    } else {
      faults.push_back(std::move(taken.error()));
    }
    ++(faults.empty() ? metrics.reloads : metrics.reloads_refused);
    for (const auto& fault : faults) log.write(LogLevel::kError, "settings refused", {{"fault", fault}});
    if (!kept.empty()) {
      log.write(LogLevel::kWarning, "settings wait for a restart", {{"settings", join(kept)}});
    }
    log.write(LogLevel::kInfo, faults.empty() ? "settings read again" : "settings kept as they were");
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

  // Changed on the I/O thread only.
  AdapterConfig config;
  const Supervision supervision;
  Log log;
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
  asio::steady_timer housekeeping;
  Clock::time_point log_reported = Clock::now();
  std::thread io_thread;
  bool stop_late = false;
  bool stopped = false;
};

Daemon::Daemon(const AdapterConfig& config, Supervision supervision)
    : impl_(std::make_unique<Impl>(config, std::move(supervision))) {}

Daemon::~Daemon() { stop(); }

void Daemon::reload(const std::expected<AdapterConfig, ConfigFaults>& loaded) {
  // Here, since it may block.
  auto allowed = loaded ? users(*loaded) : std::vector<uid_t>();
  std::promise<void> done;
  asio::post(impl_->io, [&] {
    impl_->reload(loaded, std::move(allowed));
    done.set_value();
  });
  done.get_future().wait();
}

void Daemon::stop() {
  if (std::exchange(impl_->stopped, true)) return;
  const StopGuard guard(impl_->config.stop_timeout + kStuckAfter, [this] {
    impl_->log.write(LogLevel::kError, "the stop does not come to its end");
    if (impl_->supervision.stuck) impl_->supervision.stuck();
  });
  impl_->log.write(LogLevel::kInfo, "stopping");
  impl_->server.stop_accepting();
  impl_->close_connections();
  impl_->hub.stop();
  impl_->server.shutdown(kServerStop);
  impl_->work.reset();
  impl_->io.stop();
  impl_->io_thread.join();
  impl_->log.report_suppressed();
  impl_->log.write(LogLevel::kInfo, "stopped");
}

}  // namespace icws::adapter
