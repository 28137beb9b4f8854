// Who orders the blocks of a development subnet: one process that proposes, counts and logs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/local/block_log.h"
#include "engine/local/call_pool.h"
#include "engine/local/catch_up.h"
#include "engine/local/replica_link.h"

namespace icws::engine {

struct OrdererConfig {
  // From one round's start to the next one's; a round that takes longer delays the next.
  Milliseconds block_interval{50};
  // For one call to one replica. Executing a full block takes tens of milliseconds; a second is far beyond.
  Milliseconds call_timeout{2'000};
  // How long a round waits for the others once a quorum has answered.
  Milliseconds straggler_grace{100};
  // Bytes and number of transactions in one block. Each replica has an equal share of the bytes, or its first
  // transaction where that is larger.
  uint64_t block_transactions_bytes_max = 4 * 1024 * 1024;
  uint64_t block_transactions_max = 1'024;
};

enum class RoundOutcome : uint8_t {
  Committed,   // a quorum has finalized the block with one app hash
  Undecided,   // decided and logged, but not yet finalized by a quorum: goes on in the next round
  NoQuorum,    // fewer than q replicas are at the head
  NoProposal,  // the proposer gave none
  Rejected,    // fewer than q replicas accepted the proposal
};

enum class Standing : uint8_t {
  Lost,     // no answer, or not at the head: is being looked for and caught up
  Live,     // at the head
  Follows,  // at the head, but no member: executes the blocks, and neither proposes nor votes
  ShutOut,  // computed another app hash, or is ahead of the log; stays out
};

struct OrdererStatus {
  Height height;
  // The state after `height`; zeros until a quorum has agreed on it.
  Digest app_hash;
  uint64_t rounds = 0;
  uint64_t rounds_failed = 0;
  // Refused proposals and reports, by kind.
  std::map<replica::RejectionKind, uint64_t> rejections;
  std::vector<Standing> replicas;
};

// What: the rounds of the local engine. Height h: take reports of h-1, ask a proposer (rotating over the live
// replicas) for the payload, need q = n - f to accept, log the block, take the reports of h, need q to
// finalize with the same app hash and the same replica set for the next height, which is then the one that is
// asked: who is no member (has left, or is to come) gets the blocks, and has no say. A replica that does not
// answer, or is behind, is left out and caught up from the log beside the rounds. Everything decided is in
// the log before any replica executes it. Thread-safety: run and run_round from one thread; status from any.
// Ownership: owns the links; the log must outlive it. Errors: std::runtime_error of the log passes through;
// then the process must end.
class Orderer {
 public:
  // What `notice` is told: one line for the operator, whenever something changes. Called on the round's
  // thread.
  using Notice = std::function<void(const std::string& line)>;
  struct Hooks {
    // The wall clock, milliseconds. A block's time is at least its predecessor's.
    std::function<BlockTime()> clock;
    // Whether a transaction may be proposed at all: a replica that serves garbage must not stop the blocks.
    std::function<bool(BytesView)> transaction_ok;
    Notice notice;
  };
  Orderer(OrdererConfig config, BlockLog& log, std::vector<std::unique_ptr<ReplicaLink>> links, Hooks hooks);
  ~Orderer();

  // One attempt at the next height.
  RoundOutcome run_round();
  // Rounds on the timer, until stopped.
  void run(std::stop_token stop);
  OrdererStatus status() const;

 private:
  using Members = std::vector<ReplicaIndex>;
  struct Slot {
    Standing standing = Standing::Lost;
    // Only where not Lost.
    Standpoint at;
    // Filled by the recovery on the replica's thread.
    std::shared_ptr<Recovery> recovery;
  };

  void recover_lost();
  std::optional<Answer<CaughtUp>> close_up(size_t replica);
  bool settle();
  // The set of the next height.
  void adopt(Members next);
  std::vector<size_t> live() const;
  // Of these, who is a member at the next height.
  std::vector<size_t> voters() const;
  size_t quorum() const;
  std::vector<Bytes> transactions(const std::vector<size_t>& from);
  std::optional<replica::Block> propose();
  bool accepted(const std::shared_ptr<const replica::Block>& block);
  void collect_reports(Height height);
  void execute(const std::shared_ptr<const replica::Block>& block);
  void lose(size_t replica, const std::string& why);
  // `agreed`: the state after `height`, where it is known that the replica has another one.
  void shut_out(size_t replica, const std::string& why, Height height, const std::optional<Digest>& agreed);
  void count(const replica::Rejection& rejection, const std::string& who);
  void publish(RoundOutcome outcome);

  const OrdererConfig config_;
  BlockLog& log_;
  const std::vector<std::unique_ptr<ReplicaLink>> links_;
  const Hooks hooks_;

  std::vector<Slot> slots_;
  Height head_;
  BlockTime head_time_{};
  // The replica set of head_; at genesis all of the links.
  Members members_;
  // The state after head_ and the set of the next height, once q of members_ agree on them.
  std::optional<Digest> head_hash_;
  Members next_members_;
  bool unsettled_told_ = false;
  uint32_t attempt_ = 0;
  std::vector<replica::SignedReport> reports_;

  mutable std::mutex status_mutex_;
  OrdererStatus status_;
  // Last: its threads use what is above.
  std::stop_source stop_recoveries_;
  CallPool pool_;
};

}  // namespace icws::engine
