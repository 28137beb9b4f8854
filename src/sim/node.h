// One simulated replica: what survives its crashes, and where it dies.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replica/replica.h"
#include "sim/adapter.h"
#include "sim/liar.h"
#include "sim/plan.h"
#include "sim/scheduler.h"

namespace icws::sim {

// What: a replica with its storage and its adapter. Thread-safety: none. Lifetime: everything that it is
// given must outlive it.
class Node {
 public:
  struct World {
    Scheduler& scheduler;
    Servers& servers;
    Ledger& ledger;
    const replica::ClusterParams& params;
    uint64_t seed;
    Planted planted;
  };
  // liar: null for an honest one.
  Node(uint32_t index, const World& world, std::unique_ptr<Liar> liar);

  uint32_t index() const { return index_; }
  bool honest() const { return liar_ == nullptr; }
  bool up() const { return replica_ != nullptr; }
  // Up, and takes part in rounds.
  bool working() const { return up() && !stopped_ && world_.scheduler.now() >= paused_until_; }
  replica::Replica& replica() { return *replica_; }
  const Adapter& adapter() const { return *adapter_; }

  void start();
  void crash();
  // Dies when it next gets to `phase`.
  void arm(CrashPhase phase) { armed_ = phase; }
  void disarm() { armed_.reset(); }
  // For good: its state is not the agreed one, and it takes no further part.
  void stop() { stopped_ = true; }
  void lose_disk();
  // In place of all blocks up to its height, the state of another one that is up. Empty: done; else why not.
  // Precondition: up, and no block was executed.
  std::string restore_from(const Node& peer);
  void crash_adapter();
  void pause(Milliseconds length) { paused_until_ = world_.scheduler.now() + length; }

  Bytes prepare(const replica::ProposalRequest& request);
  // Its vote, and whether the code under test finds the block valid.
  struct Verdict {
    bool vote = false;
    bool valid = false;
  };
  Verdict process(const replica::Block& block, bool by_liar);
  // What it signs; several: proposers get different ones. `last`: what everyone said before.
  std::vector<replica::SignedReport> vote(Height height, const std::vector<replica::SignedReport>& last);
  // Finalizes and commits; the app hash. Empty: it died on the way.
  std::optional<Digest> execute(const replica::Block& block);
  // Sends that its adapters have refused for a hole in their numbers.
  uint64_t holes() const { return holes_before_ + adapter_->holes(); }

 private:
  LocalTime local_now() const { return LocalTime(world_.scheduler.now() + offset_); }
  void deliver(replica::AdapterEvent event);
  void flush_commands();
  void attach();
  bool dies_at(CrashPhase phase);

  const uint32_t index_;
  const World world_;
  const std::unique_ptr<Liar> liar_;
  const Milliseconds offset_;
  SimVerifier verifier_;
  std::unique_ptr<replica::Storage> storage_;
  std::unique_ptr<Adapter> adapter_;
  std::unique_ptr<replica::Replica> replica_;
  SimTime paused_until_{0};
  bool stopped_ = false;
  std::optional<CrashPhase> armed_;
  uint64_t adapter_lives_ = 0;
  uint64_t holes_before_ = 0;
};

}  // namespace icws::sim
