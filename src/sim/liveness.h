// What must have come to pass at the end of a run, some time after its last fault.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/node.h"
#include "sim/safety.h"

namespace icws::sim {

// What: liveness, apart from safety. Thread-safety: none. Lifetime: what it is given must outlive it.
class LivenessChecker {
 public:
  LivenessChecker(const Plan& plan, const Ledger& ledger, const SafetyChecker& safety)
      : plan_(plan), ledger_(ledger), safety_(safety) {}

  // No fault happens any more, and what they broke has had time to heal: everything counts from here on.
  void quiet();
  // What is still to come at the end: messages that every honest replica saw and that are neither agreed nor
  // counted in a gap, the rest of sequences and echoes, acknowledgements, replicas that are behind.
  std::vector<std::string> missing(const std::vector<std::unique_ptr<Node>>& nodes, uint64_t blocks,
                                   uint64_t echoes, const Servers& servers, Milliseconds now) const;

 private:
  using Missing = std::vector<std::string>;
  void feed(ConnectionId id, const SafetyChecker::Agreed& agreed, uint32_t honest, Missing& out) const;
  void ordered(const replica::ConnectionView& view, uint64_t echoes, Missing& out) const;
  void orders(uint64_t count, const Servers& servers, Missing& out) const;
  // Readings of values go on, while enough members have sockets.
  void readings(Milliseconds now, Missing& out) const;
  void diverged(const replica::ConnectionView& view, Missing& out) const;
  // A server that lets nobody in is not waited for.
  void shut_out(Missing& out) const;
  // What the canister sent on feeds is written, whoever was to write it.
  void unsent(const std::vector<std::unique_ptr<Node>>& nodes, Missing& out) const;
  // Whether nothing happened in this run that may end an ordered epoch, or keep a member away from it.
  bool undisturbed() const;

  const Plan& plan_;
  const Ledger& ledger_;
  const SafetyChecker& safety_;
  bool quiet_ = false;
  std::map<ConnectionId, std::set<std::string>> before_;
  std::map<ConnectionId, uint64_t> gaps_before_;
};

}  // namespace icws::sim
