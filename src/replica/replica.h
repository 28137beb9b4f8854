// The replica's pure core: replicated state machine, observation logs and the reconciliation with the
// adapter.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "proof/certificate.h"
#include "replica/adapter_port.h"
#include "replica/application.h"
#include "replica/canister.h"
#include "replica/cluster_params.h"
#include "replica/membership.h"
#include "replica/proving.h"
#include "replica/snapshot.h"
#include "replica/state.h"
#include "replica/storage.h"
#include "transcript/entry.h"

namespace icws::replica {

struct State;

// One connection as this replica sees it, for people: tables and `icwsctl connections`.
struct ConnectionView {
  ConnectionId id;
  std::string canister;
  std::string url;
  Mode mode = Mode::Ordered;
  // "opening", "open", "waiting", "closed".
  std::string state;
  Epoch epoch;
  Position position;                       // ordered only
  EntrySequence entries;                   // in the transcript
  uint64_t messages = 0;                   // entries that are messages
  uint64_t gaps = 0;                       // messages that gap marks count
  uint64_t agreed_bytes = 0;               // of message contents
  Digest head;                             // of the transcript
  std::optional<transcript::Cause> cause;  // of the last close
  // This replica's own socket: "none", "connecting", "live", "ended", "out".
  std::string socket;
  uint64_t unsettled = 0;  // events seen here and not agreed yet
  uint64_t outbox_bytes = 0;
  uint64_t inbox_bytes = 0;
  // Of the committee, as StatusReply has them.
  uint32_t members_live = 0;
  uint32_t members_down = 0;
  uint32_t members_needed = 0;
  Usage usage;
};

struct CanisterView {
  std::string id;
  CanisterRecord record;
};

// Since this process started. Local, never agreed.
struct ReplicaMetrics {
  Height height;
  Digest app_hash;
  uint64_t entries_agreed = 0;
  uint64_t reports_pruned = 0;
  uint64_t traps = 0;
  uint64_t events_received = 0;
  uint64_t events_absorbed = 0;
  uint64_t events_dropped = 0;
  uint64_t last_report_bytes = 0;
  // From this replica's receipt of a message to its commit, milliseconds, newest 4,096.
  std::vector<uint32_t> latencies_ms;
  // Newest first, at most 16: why a peer's input was refused.
  std::vector<std::string> rejections;
};

// What: see above. Thread-safety: none; the shell serialises every call, queries included.
// Ownership: owns the canisters; `storage` and `verifier` must outlive it.
// Errors: the constructor throws std::runtime_error if the storage holds another chain's, a broken or a
// diverged state; storage errors pass through, after which the process must end.
class Replica final : public Application {
 public:
  struct Config {
    ClusterParams params;
    ReplicaIndex self;
  };
  // Recovers from `storage`; starts from genesis where it is empty.
  Replica(Config config, const ReportVerifier& verifier, Storage& storage, CanisterSet canisters);
  ~Replica() override;

  ApplicationInfo info() const override;
  Bytes prepare_proposal(const ProposalRequest& request) override;
  std::expected<void, Rejection> process_proposal(const Block& block) override;
  Bytes extend_vote(Height height, LocalTime now) override;
  std::expected<void, Rejection> verify_vote_extension(const SignedReport& report) const override;
  std::expected<void, Rejection> check_report(ReplicaIndex member, Height height,
                                              BytesView report) const override;
  BlockResult finalize_block(const Block& block) override;
  void commit(LocalTime now) override;

  // An engine that knows which app hash the replicas agreed on after `height` tells it here: if it is not
  // this replica's, throws StateDiverged, now and whenever the storage is opened again. finalize_block does
  // the same where a quorum of reports in the block names another hash.
  void on_agreed_hash(Height height, const Digest& agreed);

  // --- restoring from a snapshot, in place of the blocks up to its height ---
  // Begins to fill the storage with the state after `height`; drops what was restored before. `app_hash`:
  // trusted. Precondition: no block was executed, info().height is 0. The next block drops it, too.
  void begin_restore(Height height, const Digest& app_hash);
  bool restoring() const;
  // Its next bytes. Precondition of this and the next: restoring(). After a fault there is nothing of it
  // left, and the replica stands at genesis as before.
  std::expected<void, SnapshotFault> restore(BytesView bytes);
  // Nothing follows: the replica now is what it would be had it executed and committed every block, but for
  // what is its own alone. Throws as the constructor.
  std::expected<void, SnapshotFault> finish_restore();
  void abandon_restore();

  // --- the adapter's side ---
  void on_adapter_event(AdapterEvent event, LocalTime now);
  // What the adapter shall do; the caller hands it over in this order. Call after commit and
  // on_adapter_event. Sockets are opened and closed only by commits of blocks in which this replica took part
  // (its report was asked for), so that blocks that are replayed open and send nothing.
  std::vector<AdapterCommand> take_commands();
  // Time passes though no block comes: an owner of mode delegated gives up its socket when its lease is over.
  // Call a few times a second, and take the commands.
  void tick(LocalTime now);

  // --- mode delegated ---
  // Batches that this replica, as an owner, wants in the next block, in archive encoding. The caller signs
  // agreement::batch_sign_bytes of each with this replica's key, and offers encode_batch_transaction() to the
  // engine; they replace those of before. Call after commit.
  const std::vector<Bytes>& batches() const;

  // --- reading, on the last committed state ---
  std::expected<Bytes, Reject> query(std::string_view canister, std::string_view method,
                                     BytesView arguments) const;
  std::vector<ConnectionView> connections() const;
  std::vector<CanisterView> canisters() const;
  // Entries from `from` on, at most `entries_max`.
  std::vector<transcript::Entry> transcript(ConnectionId connection, EntrySequence from,
                                            size_t entries_max) const;
  // A certificate without reports of entries first .. last (0: the newest), on the state as it is: those that
  // belong to it are of certificate.height, the next height, and stand in the block after that. They are
  // there once info().height > certificate.height, for blocks_in_force blocks. The engine's signature scheme
  // is the caller's to set. Errors: as gather_entries, and in between finalize_block and commit.
  std::expected<proof::Certificate, CannotProve> prove(ConnectionId connection, EntrySequence first,
                                                       EntrySequence last) const;
  // Reports of `height` that were made on this chain's state, ascending by member; none where their block is
  // not there yet, or not in force any more.
  std::vector<proof::Certificate::Report> reports_of(Height height) const;
  // Who makes the reports of `height`: not before the last committed one.
  const ReplicaSet& replicas_at(Height height) const;
  // The last set that was decided, active or not: the one that the next change replaces.
  const ReplicaSet& newest_replicas() const;
  // The public key that the set of `height` gives to this replica. Empty: it is no member.
  Bytes own_key(Height height) const;
  ReplicaMetrics metrics() const;
  // For checks; valid until the next call that is not const.
  const State& state() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::replica
