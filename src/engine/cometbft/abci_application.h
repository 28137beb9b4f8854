// The replica as an ABCI 2.0 application: requests to answers, without I/O.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "engine/cometbft/commit_check.h"
#include "engine/cometbft/ingress.h"
#include "engine/cometbft/state_sync.h"
#include "engine/cometbft/validator_set.h"
#include "engine/host/replica_host.h"
#include "icws/abci/v1/abci.pb.h"
#include "replica/cluster_params.h"

namespace icws::engine {

// Bytes that the transactions of one block may take at most under these parameters: reports of as many
// replicas as a set can have, the contents and what frames them, and the ingress. Must be below
// kBlockBytesMax, or proposals would not fit, now or after some change of the replica set.
uint64_t block_transactions_bytes(const replica::ClusterParams& params);

struct AbciConfig {
  // Blocks that the node keeps, newest; 0: all. A replica that lost its state needs them, or a snapshot.
  uint64_t blocks_kept = 0;
  // What peers can begin with. Null: nothing. Outlives the application.
  SnapshotStore* snapshots = nullptr;
};

// What: see above. Thread-safety: handle() from any thread. Ownership: the host outlives it. Errors:
// construction throws std::runtime_error if blocks of these parameters would not fit; what the node must not
// do is answered with an exception, after which the node ends itself.
class AbciApplication {
 public:
  // One line for the operator: who misbehaved, and how.
  using Notice = std::function<void(const std::string& line)>;
  AbciApplication(ReplicaHost& host, const replica::ClusterParams& params, AbciConfig config, Notice notice);

  abci::v1::Response handle(const abci::v1::Request& request);

 private:
  void info(abci::v1::InfoResponse& out) const;
  void init_chain(const abci::v1::InitChainRequest& in, abci::v1::Response& out) const;
  void query(const abci::v1::QueryRequest& in, abci::v1::QueryResponse& out) const;
  void check_tx(const abci::v1::CheckTxRequest& in, abci::v1::CheckTxResponse& out) const;
  void prepare_proposal(const abci::v1::PrepareProposalRequest& in, abci::v1::PrepareProposalResponse& out);
  bool process_proposal(const abci::v1::ProcessProposalRequest& in);
  bool verify_vote_extension(const abci::v1::VerifyVoteExtensionRequest& in);
  void finalize_block(const abci::v1::FinalizeBlockRequest& in, abci::v1::Response& out);
  void commit(abci::v1::Response& out);
  void apply_chunk(const abci::v1::ApplySnapshotChunkRequest& in, abci::v1::ApplySnapshotChunkResponse& out);
  Height retain_from(Height height) const;

  std::expected<replica::Block, replica::Rejection> open_block(
      const abci::v1::ProcessProposalRequest& in) const;
  void tell_of(const abci::v1::Misbehavior& misbehavior);
  void refuse(const replica::Rejection& rejection);
  // Height and validators as the host has them committed.
  void follow_state();
  std::shared_ptr<const ValidatorSets> validators() const;
  void remember_ran(const std::string& envelope, Height expiry, Height height);

  ReplicaHost& host_;
  const replica::ClusterParams params_;
  const AbciConfig config_;
  const Notice notice_;
  const IngressCheck ingress_;
  StateSync state_sync_;

  mutable std::mutex mutex_;
  // Envelopes that ran and have not expired, so that a replay does not even wait in the mempool.
  std::map<Digest, Height> ran_;
  // Of the last block; the height from which on transactions are judged.
  Height height_;
  // After height_: of that height and of those to come. Kept here, so that CheckTx waits for no block.
  std::vector<agreement::ReplicaSet> replicas_;
  std::shared_ptr<const ValidatorSets> validators_;
  // When each line about a fault was last told.
  std::map<std::string, Height> told_;
};

}  // namespace icws::engine
