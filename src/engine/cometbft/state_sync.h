// A node's snapshot connection: what this replica offers to peers, and how it begins with what a peer has.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/host/replica_host.h"
#include "engine/host/snapshot_store.h"
#include "icws/abci/v1/abci.pb.h"

namespace icws::engine {

// What: answers the four requests of state sync. A peer's snapshot is worth nothing until all of it fits the
// app hash that the node's light client has checked; until then it is in the state's storage under a mark
// (replica/snapshot.h), and a chunk that does not fit its digest is not even looked at. Thread-safety: all
// methods from any thread. Ownership: `host` and `store` outlive it. Errors: as ReplicaHost.
class StateSync {
 public:
  // One line for the operator.
  using Notice = std::function<void(const std::string& line)>;
  // `store`: null: there is nothing to offer.
  StateSync(ReplicaHost& host, const SnapshotStore* store, Notice notice)
      : host_(host), store_(store), notice_(std::move(notice)) {}

  void list(abci::v1::ListSnapshotsResponse& out) const;
  void load(const abci::v1::LoadSnapshotChunkRequest& in, abci::v1::LoadSnapshotChunkResponse& out) const;
  abci::v1::OfferSnapshotResponse::Result offer(const abci::v1::OfferSnapshotRequest& in);
  void apply(const abci::v1::ApplySnapshotChunkRequest& in, abci::v1::ApplySnapshotChunkResponse& out);

 private:
  struct Restoring {
    Height height;
    std::vector<Digest> chunks;
    uint32_t next = 0;
    // Who sent the chunks so far: each of them has said that the snapshot is good.
    std::set<std::string> senders;
    // The state is this one already: the node died before it knew. Nothing is left to do.
    bool present = false;
  };
  // Where there is a state already.
  abci::v1::OfferSnapshotResponse::Result offer_to_state(Restoring offered, const Digest& app_hash);
  void give_up(const std::string& why, abci::v1::ApplySnapshotChunkResponse& out);

  ReplicaHost& host_;
  const SnapshotStore* const store_;
  const Notice notice_;
  std::mutex mutex_;
  std::optional<Restoring> restoring_;
};

}  // namespace icws::engine
