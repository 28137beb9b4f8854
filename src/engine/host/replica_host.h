// The shell around one replica's core: every call from the engine, the adapter and the users, one at a time.
#pragma once

#include <condition_variable>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/host/submissions.h"
#include "replica/replica.h"

namespace icws::engine {

// What: holds the core under one mutex, hands its commands to the adapter after each call and in order, and
// wakes those who wait for a commit. Any engine can drive it. Thread-safety: all methods from any thread.
// Ownership: `replica` and `application` outlive it. `application` is the replica itself or a wrapper around
// it (the seam where tests put a Byzantine one). Errors: an exception out of the core is a bug or a failed
// disk; it is printed and the process ends at once with status 70, before anything else can be said in its
// name.
class ReplicaHost {
 public:
  struct Hooks {
    // A steady clock.
    std::function<LocalTime()> now;
    // Takes commands for the adapter. Called with the core locked: must not call back and must not block.
    std::function<void(std::vector<replica::AdapterCommand>)> command;
    // Signs with the private key of this public key, which the replica set gives to this replica; with any of
    // its keys where it does not hold that one, or is no member (empty). Called with the core locked.
    std::function<Bytes(const Bytes& public_key, BytesView message)> sign;
  };
  // `chain_id`: bound by what the host signs in this replica's name.
  ReplicaHost(replica::Replica& replica, replica::Application& application, std::string chain_id,
              Hooks hooks);

  // --- the engine's side ---
  replica::ApplicationInfo info() const;
  // Also tells why a report does not count.
  struct Proposal {
    Bytes payload;
    struct Pruned {
      ReplicaIndex member;
      replica::Rejection rejection;
    };
    std::vector<Pruned> pruned;
  };
  Proposal prepare_proposal(const replica::ProposalRequest& request);
  std::expected<void, replica::Rejection> process_proposal(const replica::Block& block);
  Bytes extend_vote(Height height);
  // In this replica's name, with its key of `height`.
  Bytes sign(Height height, BytesView message) const;
  // The public key that the replica set of `height` gives to this replica. Empty: it is no member.
  Bytes own_key(Height height) const;
  // That of `height`, which is not before the last committed one. Once a block is finalized, as that leaves
  // it.
  agreement::ReplicaSet replica_set(Height height) const;
  // A report whose signature the engine has checked.
  std::expected<void, replica::Rejection> check_report(ReplicaIndex member, Height height,
                                                       BytesView report) const;
  // Executes a block and writes nothing. Empty unless it is the one after info().height, and none is
  // finalized.
  std::optional<replica::BlockResult> finalize(const replica::Block& block);
  // Writes what was finalized. False: nothing was.
  bool commit();
  // A block is finalized and not committed: the core is ahead of the disk.
  bool finalized() const;
  // Both. Empty as finalize() says.
  std::optional<replica::BlockResult> finalize_and_commit(const replica::Block& block);
  // As Replica::begin_restore, begins with a snapshot in place of blocks. False: there is a state already.
  bool begin_restore(Height height, const Digest& app_hash);
  // Its next bytes; with the last ones the host stands at its height. Precondition: it was begun, and no
  // fault was found.
  std::expected<void, replica::SnapshotFault> restore(BytesView bytes, bool last);
  // Ends the process if this replica's state after `height` is another.
  void on_agreed_hash(Height height, const Digest& agreed);
  // This replica's own batches and users' calls: at most `bytes_max` together, but for a first one that alone
  // is larger. Where there are both, each has a half at least, and they come first by turns.
  std::vector<Bytes> pending_transactions(uint64_t bytes_max) const;
  // The batches alone, signed: what this replica wants in the next block.
  std::vector<Bytes> batches() const;
  const Submissions& submissions() const { return submissions_; }
  // What the engine itself refused, or has evidence of; for metrics().
  void note_rejection(const replica::Rejection& rejection);
  uint64_t rejections_noted() const;

  // Time passes; a few times a second.
  void tick();

  // --- the adapter's side ---
  void on_adapter_events(std::vector<replica::AdapterEvent> events);

  // --- the users' side ---
  std::expected<CallOutcome, SubmissionError> submit(Bytes transaction, Milliseconds patience) {
    return submissions_.submit(std::move(transaction), patience);
  }
  size_t calls_waiting() const { return submissions_.waiting(); }
  std::expected<Bytes, replica::Reject> query(std::string_view canister, std::string_view method,
                                              BytesView arguments) const;
  std::vector<replica::ConnectionView> connections() const;
  // The set of the last committed height, and those to come.
  std::vector<agreement::ReplicaSet> replica_sets() const;
  std::vector<replica::CanisterView> canisters() const;
  std::vector<transcript::Entry> transcript(ConnectionId connection, EntrySequence from,
                                            size_t entries_max) const;
  // As Replica::prove and Replica::reports_of.
  std::expected<proof::Certificate, replica::CannotProve> prove(ConnectionId connection, EntrySequence first,
                                                                EntrySequence last) const;
  std::vector<proof::Certificate::Report> reports_of(Height height) const;
  replica::ReplicaMetrics metrics() const;
  bool adapter_connected() const;
  // The committed height, once it is above `seen`, `patience` has passed, or the host stops.
  Height wait_for_commit(Height seen, Milliseconds patience) const;
  bool stopping() const;
  // Ends every wait.
  void stop();

 private:
  template <class Call>
  auto guarded(Call call) const;
  template <class Call>
  auto step(Call call);
  void hand_over();
  void sign_batches();
  std::vector<Bytes> batches_in_turn(uint64_t bytes_max) const;

  replica::Replica& replica_;
  replica::Application& application_;
  const std::string chain_id_;
  const Hooks hooks_;
  Submissions submissions_;

  mutable std::mutex mutex_;
  mutable std::condition_variable committed_;
  // Mode delegated: what the core wants in the next block, by what it is before it is signed.
  std::map<Bytes, Bytes> batches_;
  // With which they are signed.
  Bytes batches_key_;
  Height height_;
  struct Finalized {
    replica::Block block;
    replica::BlockResult result;
  };
  std::optional<Finalized> finalized_;
  // Newest first.
  std::deque<std::string> rejections_;
  uint64_t rejections_count_ = 0;
  bool adapter_connected_ = false;
  bool stopping_ = false;
};

}  // namespace icws::engine
