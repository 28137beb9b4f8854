// Four replicas behind their ABCI interface, and a test in the place of their CometBFT nodes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/cometbft/abci_application.h"
#include "engine/cometbft/comet_signature.h"
#include "replica/replica.h"

namespace icws::engine {

namespace abci = icws::abci::v1;

// What: see above; votes are signed with the replicas' keys. Thread-safety: none.
class AbciChain {
 public:
  static constexpr size_t kReplicas = 4;
  static constexpr int32_t kRound = 1;

  AbciChain();

  // A block's parts, as nodes would hand them on.
  struct Proposal {
    std::vector<std::string> txs;
    abci::CommitInfo last_commit;
  };
  // What `proposer` makes of the votes of the last height.
  Proposal propose(size_t proposer, const std::vector<std::string>& mempool = {});
  bool accepts(size_t replica, const Proposal& proposal);
  // Votes for it and executes it on all replicas; fails the test unless they end in one app hash.
  abci::FinalizeBlockResponse decide(const Proposal& proposal);
  void block(const std::vector<std::string>& mempool = {}) { decide(propose(height_ % kReplicas, mempool)); }

  // The votes that the next proposer has, to be spoiled.
  abci::ExtendedCommitInfo& votes() { return votes_; }
  abci::ExtendedVoteInfo& vote(size_t replica);
  // Signs a report of the last height as `replica` would.
  std::string sign(size_t replica, const std::string& report) const;

  abci::Response ask(size_t replica, const abci::Request& request) {
    return nodes_[replica].application->handle(request);
  }
  abci::Request init_chain() const;
  // An envelope with a call of the echo canister; `salt` makes it another one.
  std::string envelope(size_t gateway, const std::string& salt, uint64_t lifetime = 10) const;
  ReplicaHost& host(size_t replica) { return *nodes_[replica].host; }
  const replica::ClusterParams& params() const { return params_; }
  const std::vector<std::string>& notices() const { return notices_; }
  // The last committed height.
  int64_t height() const { return static_cast<int64_t>(height_); }
  int64_t next() const { return height() + 1; }

 private:
  struct Node {
    std::unique_ptr<replica::MemoryStorage> storage = std::make_unique<replica::MemoryStorage>();
    std::unique_ptr<replica::Replica> core;
    std::unique_ptr<ReplicaHost> host;
    std::unique_ptr<AbciApplication> application;
  };

  std::vector<SigningKey> keys_;
  replica::ClusterParams params_;
  std::unique_ptr<CometReportVerifier> verifier_;
  std::vector<std::string> notices_;
  std::vector<Node> nodes_;
  uint64_t height_ = 0;
  abci::ExtendedCommitInfo votes_;
};

}  // namespace icws::engine
