// A Byzantine replica: an honest one whose words are changed on their way out.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "agreement/report_codec.h"
#include "base/prng.h"
#include "replica/adapter_port.h"
#include "replica/application.h"
#include "replica/cluster_params.h"
#include "replica/replica.h"
#include "sim/ledger.h"
#include "sim/onlooker.h"
#include "sim/plan.h"

namespace icws::sim {

// A keyed hash in place of Ed25519, whose cost would be most of a run.
class SimVerifier final : public replica::ReportVerifier {
 public:
  static Bytes sign(BytesView public_key, ReplicaIndex member, Height height, BytesView report);
  bool verify(const replica::SignedReport& report, const Bytes& public_key) const override;
  // Simulated canisters open no delegated connections, so no batch is anybody's.
  bool verify_batch(const agreement::ReplicaKey&, BytesView, BytesView) const override { return false; }
};

// What: the strategies of one member. Each is on or off for a stretch of blocks. What colluding liars forge
// is the same, for their numbers come from the height. It knows everything that was sent, but no other
// member's key. Thread-safety: none. Lifetime: `params` and `ledger` must outlive it.
class Liar {
 public:
  // `modes`: of the connections that a run opens, by id from 1.
  Liar(const LiarPlan& plan, uint64_t seed, const replica::ClusterParams& params,
       std::vector<agreement::Mode> modes, const Ledger& ledger);

  // Before the replica hears of it.
  void on_event(replica::SocketEvent& event);
  // In place of the replica's own report: what it says to a proposer; none to be silent. `last` is what
  // everyone said at the height before; `key` the member's public key at this height.
  std::vector<replica::SignedReport> reports(Height height, const Bytes& honest,
                                             const std::vector<replica::SignedReport>& last, Bytes key,
                                             const replica::State& state);
  Bytes payload(const replica::ProposalRequest& request, Bytes honest, const replica::Replica& replica);
  // Its replica has executed it.
  void on_block(const replica::Block& block, const Digest& app_hash);
  // Its vote on a proposal; `by_liar`: another liar made it.
  bool vote(bool valid, bool by_liar);

 private:
  bool acts(Strategy strategy) const { return acting_.contains(strategy); }
  void begin(Height height);
  void change_section(agreement::Section& section, const std::vector<agreement::Report>& last,
                      const replica::State& state);
  void change_feed(agreement::Section& section, const std::vector<agreement::Report>& last);
  void change_ordered(agreement::Section& section, const replica::State& state);
  void change_values(agreement::Section& section);
  void permute(agreement::Section& section);
  void forge(agreement::Decision& decision);
  void add_premature(agreement::Payload& payload);
  void premature_ordered(const agreement::Section& own, agreement::Decision& decision);
  void premature_feed(const agreement::Section& own, agreement::Decision& decision);
  // Whose socket it backs.
  uint32_t backed() const;
  void add_few(agreement::Payload& payload, Height height, const replica::State& state);
  void add_greedy(agreement::Payload& payload, const replica::ProposalRequest& request,
                  const replica::State& state);
  void add_again(agreement::Payload& payload, Height height, const replica::Replica& replica);
  void fit(agreement::Report& report) const;
  replica::SignedReport sign(Height height, Bytes report) const;
  replica::SignedReport malformed(Height height, const agreement::Report& honest);
  std::optional<agreement::Payload> decode(BytesView payload) const;

  const LiarPlan plan_;
  const uint64_t seed_;
  const replica::ClusterParams& params_;
  const std::vector<agreement::Mode> modes_;
  const Ledger& ledger_;
  Onlooker onlooker_;
  // Of this liar, and of all that collude, newly begun at each height.
  Prng own_, forging_;
  std::set<Strategy> acting_;
  Bytes key_;
  std::deque<agreement::Report> old_reports_;
  std::deque<Bytes> old_payloads_;
};

}  // namespace icws::sim
