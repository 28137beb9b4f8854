// Four replicas, and one that may come in, behind their ABCI interface, and a test in the place of their
// CometBFT nodes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/cometbft/abci_application.h"
#include "engine/cometbft/comet_signature.h"
#include "replica/replica.h"

namespace icws::engine {

namespace abci = icws::abci::v1;

// What: see above. Validators are what the genesis file and the applications' updates say, as CometBFT has
// it; votes are signed with their keys. Key i < kNodes is node i's, kFreshKey another one of node 2.
// Thread-safety: none.
class AbciChain {
 public:
  // Of the genesis set.
  static constexpr size_t kReplicas = 4;
  static constexpr size_t kNewcomer = 4;
  static constexpr size_t kNodes = 5;
  static constexpr size_t kFreshKey = 5;
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
  // Its validators vote for it and verify the votes, and all nodes execute it; fails the test unless they end
  // in one app hash, and change the validators alike and as CometBFT takes it.
  abci::FinalizeBlockResponse decide(const Proposal& proposal);
  void block(const std::vector<std::string>& mempool = {}) { decide(propose(height_ % kReplicas, mempool)); }

  // The votes that the next proposer has, to be spoiled.
  abci::ExtendedCommitInfo& votes() { return votes_; }
  abci::ExtendedVoteInfo& vote(size_t replica);
  // Signs a report of the last height with this key.
  std::string sign(size_t key, const std::string& report) const;
  // By key, of the next height.
  std::set<size_t> validators() const;

  // (index, key): an envelope with a change to these, signed by all of the newest set, for `active_from`.
  using Members = std::vector<std::pair<uint32_t, size_t>>;
  std::string change(size_t gateway, const Members& members, int64_t active_from) const;
  // The core is made anew from what it has committed.
  void restart(size_t node);
  // What a new node, with nothing on its disk, answers to all blocks so far.
  std::vector<abci::FinalizeBlockResponse> replay();
  const std::vector<abci::FinalizeBlockResponse>& results() const { return results_; }

  abci::Response ask(size_t replica, const abci::Request& request) {
    return nodes_[replica].application->handle(request);
  }
  // Node 0's code for a transaction; `type` 1: it is in the mempool already.
  uint32_t check_tx(const std::string& tx, uint32_t type = 0) {
    abci::Request request;
    request.mutable_check_tx()->set_tx(tx);
    request.mutable_check_tx()->set_type(type);
    return ask(0, request).check_tx().code();
  }
  abci::Request init_chain() const;
  // An envelope with a call of the echo canister; `salt` makes it another one. Signed with the gateway's own
  // key, or with `key`.
  std::string envelope(size_t gateway, const std::string& salt, uint64_t lifetime = 10) const {
    return envelope_by(gateway, gateway, salt, lifetime);
  }
  std::string envelope_by(size_t gateway, size_t key, const std::string& salt, uint64_t lifetime = 10) const;
  ReplicaHost& host(size_t replica) { return *nodes_[replica].host; }
  const replica::MemoryStorage& storage(size_t replica) const { return *nodes_[replica].storage; }
  const CometReportVerifier& verifier() const { return *verifier_; }
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

  void assemble(Node& node, uint32_t index);
  size_t owner(size_t key) const { return key == kFreshKey ? 2 : key; }
  size_t key_number(const Bytes& public_key) const;
  abci::Response step(Node& node, const abci::Request& request);
  void verify_votes(int64_t height) const;
  void apply(const abci::FinalizeBlockResponse& result);

  std::vector<SigningKey> keys_;
  replica::ClusterParams params_;
  std::unique_ptr<CometReportVerifier> verifier_;
  std::vector<std::string> notices_;
  std::vector<Node> nodes_;
  uint64_t height_ = 0;
  abci::ExtendedCommitInfo votes_;
  // By public key: of the next height, and of the one after that.
  std::set<Bytes> validators_;
  std::set<Bytes> next_validators_;
  std::vector<abci::Request> blocks_;
  std::vector<abci::FinalizeBlockResponse> results_;
};

}  // namespace icws::engine
