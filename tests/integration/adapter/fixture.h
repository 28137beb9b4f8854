// An adapter process and a replica's client for it, with verbs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter_client/adapter_client.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/waiting.h"

namespace icws::adapter {

// What the client has delivered, by socket.
struct Heard {
  std::vector<replica::AdapterUp> ups;
  size_t downs = 0;
  std::map<replica::SocketKey, std::vector<replica::SocketEvent>> events;
  std::map<replica::SocketKey, uint64_t> sent_up_to;
};

// What: a replica's side. Thread-safety: all methods from any thread. Ownership: owns its client.
class Replica {
 public:
  explicit Replica(const std::string& socket_path);

  void submit(replica::AdapterCommand command) { client_->submit(std::move(command)); }
  void open(const replica::SocketKey& key, const std::string& url,
            const std::function<void(replica::OpenCommand&)>& change = {});
  void send(const replica::SocketKey& key, uint64_t sequence, std::string text);
  void acknowledge(const replica::SocketKey& key, uint64_t event);

  [[nodiscard]] bool wait_up(size_t times = 1);
  [[nodiscard]] bool wait_down();
  // How many events of a socket there are, once there are `count` or not in time.
  size_t wait_count(const replica::SocketKey& key, size_t count);
  // The events of a socket, once there are `count`; fewer if they did not come in time.
  std::vector<replica::SocketEvent> wait_events(const replica::SocketKey& key, size_t count);
  // The last event, once it is Closed or OpenFailed.
  std::optional<replica::SocketClosed> wait_closed(const replica::SocketKey& key);
  std::optional<replica::SocketOpenFailed> wait_open_failed(const replica::SocketKey& key);
  support::Watched<Heard>& heard() { return heard_; }

 private:
  support::Watched<Heard> heard_;
  std::unique_ptr<adapter_client::AdapterClient> client_;
};

// One look at an adapter's metrics: "name{label=\"value\"}" to value, as in the text.
using MetricValues = std::map<std::string, double>;

// What: an icws-adapter that may connect to this machine. Ownership: kills it at the end.
class AdapterProcess {
 public:
  explicit AdapterProcess(std::vector<std::string> further_arguments = {});

  void start();
  support::ChildProcess& process() { return *process_; }
  std::string socket_path() const { return directory_ / "run" / "adapter.sock"; }
  const support::TemporaryDirectory& directory() const { return directory_; }
  // GET /metrics. The adapter was started with `--metrics 127.0.0.1:0`, or the address is known.
  std::string metrics_address() const;
  MetricValues metrics() const;
  // Looks again and again, until `enough` or the deadline; the last look.
  MetricValues wait_metrics(const std::function<bool(MetricValues&)>& enough) const;
  std::unique_ptr<Replica> replica() const { return std::make_unique<Replica>(socket_path()); }

 private:
  support::TemporaryDirectory directory_;
  std::vector<std::string> arguments_;
  std::unique_ptr<support::ChildProcess> process_;
};

inline replica::SocketKey socket_key(uint64_t connection, uint32_t attempt = 1) {
  return {ConnectionId(connection), Epoch(1), Attempt(attempt)};
}
// The content of a message event; empty for others.
std::string content(const replica::SocketEvent& event);

}  // namespace icws::adapter
