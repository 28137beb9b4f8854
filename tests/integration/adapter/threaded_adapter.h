// The adapter without gRPC, for threads of the caller's.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapter/connection_table.h"
#include "adapter/egress.h"
#include "adapter/event_hub.h"
#include "adapter/metrics_server.h"

namespace icws::adapter {

// What: the daemon's parts but gRPC and its socket, put together as Daemon does it, with the I/O thread; its
// methods are what gRPC's threads and the main thread call, and they go the ways of Service and Daemon.
// ThreadSanitizer sees all of it, as it would not see through a gRPC that is not instrumented.
// Thread-safety: all methods from any thread but the I/O thread; answers come on the I/O thread.
// Ownership: owns all parts. Before the destructor: all connections have ended.
class ThreadedAdapter {
 public:
  template <class Result>
  using Answer = std::function<void(Result)>;

  explicit ThreadedAdapter(const AdapterConfig& config);
  // Every subscriber of the hub is ended; none may call back later.
  ~ThreadedAdapter();
  ThreadedAdapter(const ThreadedAdapter&) = delete;
  ThreadedAdapter& operator=(const ThreadedAdapter&) = delete;

  // --- Calls of gRPC's threads.
  void open(replica::OpenCommand command, Answer<std::expected<bool, TableError>> answer);
  void send(std::vector<replica::SendCommand> messages, Answer<std::expected<uint64_t, TableError>> answer);
  void close(replica::CloseCommand command, Answer<bool> answer);
  // Status: the table's reports and what the hub has of each.
  std::vector<HubSocketReport> status();
  EventHub& hub() { return hub_; }
  Metrics& metrics() { return metrics_; }
  const Log& log() const { return log_; }

  // --- The main thread's.
  void reload(const AdapterConfig& next);
  const std::string& metrics_address() const { return metrics_server_.address(); }

  // --- For checks.
  // Waits for what `look` gives, which runs on the I/O thread.
  template <class Look>
  auto on_io_thread(Look look) {
    std::promise<decltype(look())> out;
    boost::asio::post(io_, [&] { out.set_value(look()); });
    return out.get_future().get();
  }
  // These on the I/O thread.
  const ConnectionTable& table() const { return table_; }
  OpenLimiter& limiter() { return egress_.limiter(); }

 private:
  template <class Result>
  void call(CallMethod method, std::function<Result()> work, Answer<Result> answer);
  std::string scrape() const;
  void take(const AdapterConfig& next);

  // Changed on the I/O thread only.
  AdapterConfig config_;
  const int null_descriptor_;
  Log log_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
      boost::asio::make_work_guard(io_);
  Metrics metrics_;
  Egress egress_;
  EventHub hub_;
  MaskKeys mask_keys_;
  Bytes read_buffer_;
  Keeper keeper_;
  ConnectionTable table_;
  MetricsServer metrics_server_;
  std::thread io_thread_;
};

}  // namespace icws::adapter
