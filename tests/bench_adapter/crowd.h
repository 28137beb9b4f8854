// Many connections through one adapter process.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapter_client/adapter_client.h"
#include "tests/integration/adapter/fixture.h"
#include "tests/support/waiting.h"
#include "tests/support/websocket_server.h"

namespace icws::bench {

struct CrowdOptions {
  size_t connections_max = 10'000;
  bool tls = false;
  // The servers send each connection a numbered message a second.
  bool ticking = false;
  // The replica closes each connection as soon as it is open.
  bool close_at_once = false;
};

struct CrowdProgress {
  bool up = false;
  size_t opened = 0;
  // Did not open, or ended without being asked to.
  size_t failed = 0;
  std::string first_failure{};
  uint64_t messages = 0;
  // Messages that were not the next number of their connection: lost or doubled ones.
  uint64_t out_of_order = 0;
};

// What: servers (several, so that short-lived connections do not run out of ports), an adapter and a
// replica's client that acknowledges everything. Thread-safety: methods from one thread. Ownership: owns all.
class Crowd final : private support::WebSocketHandler {
 public:
  explicit Crowd(CrowdOptions options);
  ~Crowd() override;

  // Submits the opening of one more connection.
  void submit_open();
  // Opens `count` more, some at a time, and waits until they are open. False, and says why, if they are not.
  [[nodiscard]] bool open(size_t count);
  // The servers send nothing more; what they have sent.
  uint64_t stop_ticking();

  pid_t adapter_process() { return adapter_->process().pid(); }
  const support::Watched<CrowdProgress>& progress() const { return progress_; }
  // Connections that the servers hold.
  const support::Watched<size_t>& at_servers() const { return at_servers_; }

 private:
  // The servers' threads.
  void on_open(support::WebSocketPeer& peer) override;
  void on_timer(support::WebSocketPeer& peer) override;
  void on_closed(support::WebSocketPeer& peer) override;
  // The client's thread.
  void hear(std::vector<replica::AdapterEvent> events);
  void hear(const replica::SocketEvent& event, CrowdProgress& progress);

  const CrowdOptions options_;
  support::Watched<CrowdProgress> progress_;
  support::Watched<size_t> at_servers_;
  std::mutex sent_mutex_;
  std::map<support::WebSocketPeer*, uint64_t> sent_;
  uint64_t sent_total_ = 0;
  bool silent_ = false;
  // By connection, the number of its newest message; the client's thread.
  std::vector<uint64_t> newest_;
  uint64_t submitted_ = 0;
  std::vector<std::unique_ptr<support::WebSocketServer>> servers_;
  std::unique_ptr<adapter::AdapterProcess> adapter_;
  std::unique_ptr<adapter_client::AdapterClient> client_;
};

// Bytes as KiB, for tables.
inline double kib(uint64_t bytes) { return static_cast<double>(bytes) / 1024; }

}  // namespace icws::bench
