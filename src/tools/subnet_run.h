// A development subnet from its start to its end.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "tools/notice_board.h"
#include "tools/replica_client.h"
#include "tools/subnet_engine.h"
#include "tools/subnet_setup.h"
#include "tools/subnet_view.h"
#include "tools/supervisor.h"

namespace icws::tools {

// What: children, engine and display. Thread-safety: none; the main thread's. Ownership: owns all of them;
// the destructor stops what runs. Errors: std::runtime_error with a sentence for a person.
class SubnetRun {
 public:
  SubnetRun(const SubnetOptions& options, Subnet subnet, const Signals& signals);
  ~SubnetRun();

  // Until a signal, the end of --run-for, or a failure. Returns the exit status.
  int run();

 private:
  void start_children();
  void watch_replicas(std::stop_token stop);
  void tend();
  void write_pids() const;
  void announce() const;
  void announce_joined() const;
  void show();
  SubnetPanel panel() const;
  void stop();

  const SubnetOptions options_;
  // The replicas' panels, children and nodes have this order.
  const std::vector<size_t> indices_;
  const Subnet subnet_;
  const Signals& signals_;
  const bool live_display_;
  NoticeBoard notices_;
  Supervisor supervisor_;
  std::vector<size_t> adapters_;
  std::vector<size_t> replicas_;

  std::unique_ptr<SubnetEngine> engine_;
  bool announced_ = false;
  uint64_t turns_ = 0;

  // What the replicas said last, filled by watch_replicas.
  mutable std::mutex panels_mutex_;
  std::vector<ReplicaPanel> panels_;

  std::jthread watch_thread_;
};

}  // namespace icws::tools
