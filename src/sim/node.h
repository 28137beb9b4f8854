// One simulated replica: what survives its crashes, and how it lies if it does.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/prng.h"
#include "replica/replica.h"
#include "sim/adapter.h"
#include "sim/options.h"
#include "sim/scheduler.h"

namespace icws::sim {

// A keyed hash in place of Ed25519, whose cost would be most of a run.
class SimVerifier final : public replica::ReportVerifier {
 public:
  static Bytes sign(ReplicaIndex member, Height height, BytesView report);
  bool verify(const replica::SignedReport& report) const override;
};

// What: a replica with its storage and its adapter. Thread-safety: none.
class Node {
 public:
  Node(uint32_t index, replica::ClusterParams params, Scheduler& scheduler, Server& server, Prng& prng,
       Byzantine byzantine, Planted planted);

  uint32_t index() const { return index_; }
  bool honest() const { return byzantine_ == Byzantine::None; }
  bool up() const { return replica_ != nullptr; }
  // Up, and takes part in rounds.
  bool working(SimTime now) const { return up() && now >= paused_until_; }
  replica::Replica& replica() { return *replica_; }

  void start();
  void crash();
  void crash_adapter();
  void pause(Milliseconds length) { paused_until_ = scheduler_.now() + length; }

  Bytes prepare(const replica::ProposalRequest& request);
  std::optional<replica::SignedReport> vote(Height height);
  // Finalizes and commits; the app hash.
  Digest execute(const replica::Block& block);
  // This replica's sockets, over all lives of its adapter.
  bool has_seen(const std::string& text) const;
  std::set<std::string> all_seen() const;
  // Sends that its adapters have refused for a hole in their numbers.
  uint64_t holes() const { return holes_before_ + adapter_->holes(); }

 private:
  LocalTime local_now() const { return LocalTime(scheduler_.now() + offset_); }
  void deliver(replica::AdapterEvent event);
  void lie(replica::SocketEvent& event);
  void flush_commands();
  void attach();

  const uint32_t index_;
  const replica::ClusterParams params_;
  Scheduler& scheduler_;
  Server& server_;
  Prng& prng_;
  const Byzantine byzantine_;
  const Planted planted_;
  const Milliseconds offset_;
  SimVerifier verifier_;
  std::unique_ptr<replica::Storage> storage_;
  std::unique_ptr<Adapter> adapter_;
  std::unique_ptr<replica::Replica> replica_;
  SimTime paused_until_{0};
  uint64_t adapter_lives_ = 0;
  std::set<std::string> seen_before_;
  uint64_t holes_before_ = 0;
  std::map<Height, Bytes> old_reports_;
};

}  // namespace icws::sim
