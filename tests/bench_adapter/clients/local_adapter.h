// The adapter without its gRPC, on the caller's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "adapter/connection.h"

namespace icws::bench {

// What: one Connection with the real parts around it - connector, hub, a subscriber that takes every batch
// and acknowledges it at once. Thread-safety: none. Ownership: owns all parts; `on_events` must live as long.
class LocalAdapter final : public adapter::EventSink {
 public:
  // Called with the number of events of each batch; the first event says that the connection is open.
  using OnEvents = std::function<void(uint64_t)>;

  LocalAdapter(const std::string& url, OnEvents on_events);
  ~LocalAdapter() override;

  // Until the connection has ended, or stop().
  void run();
  void stop() { io_.stop(); }
  void send(BytesView content);

  void wake() override;
  void end() override {}

 private:
  struct Parts;

  boost::asio::io_context io_{1};
  OnEvents on_events_;
  std::unique_ptr<Parts> parts_;
  std::unique_ptr<adapter::Connection> connection_;
  uint64_t generation_ = 0;
  uint64_t events_ = 0;
  uint64_t sent_ = 0;
};

}  // namespace icws::bench
