// What users and operators submitted to this replica, and its own batches, into the node's mempool.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>

#include "engine/cometbft/node_client.h"
#include "engine/host/replica_host.h"

namespace icws::engine {

struct MempoolFeederConfig {
  std::string chain_id;
  ReplicaIndex self;
  // host:port of the node's RPC.
  std::string node;
  // Blocks that an envelope lives. Far less than ClusterParams::transaction_memory_blocks: what a replica
  // signs while it is behind must not outlive the memory of what ran meanwhile.
  uint64_t lifetime_blocks = 200;
  // Blocks after which a call that has not run is handed over again: a node that started anew has forgotten
  // it. At once where the replica has got another key, with which it is signed anew.
  uint64_t again_after_blocks = 20;
  Milliseconds call_timeout{2'000};
};

// What: a thread that hands each submitted call to the node until a block has run it, or its submitter gave
// up. While this replica is no member nothing is handed over: no block would take it. Ownership: the host
// outlives it; the destructor ends the thread, after host.stop() at once.
class MempoolFeeder {
 public:
  // `notice`: a line for the operator when the node cannot be reached, and when it can again.
  MempoolFeeder(MempoolFeederConfig config, ReplicaHost& host,
                std::function<void(const std::string& line)> notice);

 private:
  struct Handed {
    Height expiry;
    Height last;
    // With which it was signed.
    Bytes key;
  };
  void run(std::stop_token stop);
  // Mode delegated: one that is not in a block yet is not handed over twice, but after again_after_blocks.
  void hand_batches(NodeClient& node, Height height);
  // With this replica's key of the block after `height`.
  Bytes envelope(Height height, Height expiry, Bytes transaction) const;

  const MempoolFeederConfig config_;
  ReplicaHost& host_;
  const std::function<void(const std::string& line)> notice_;
  // The thread's alone: when each batch was handed over.
  std::map<Bytes, Height> batches_;
  std::jthread thread_;
};

}  // namespace icws::engine
