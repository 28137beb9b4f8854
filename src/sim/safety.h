// What must hold after every block of every run.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agreement/quorum.h"
#include "base/hash.h"
#include "replica/replica.h"
#include "sim/ledger.h"
#include "sim/server.h"

namespace icws::sim {

// agreement::AgreementParams::drop_after of simulated subnets.
inline constexpr Milliseconds kDropAfter{2'000};

// What: safety: one transcript on all, nothing that too few saw, no copy twice, the order within a key, exact
// prefixes of sequences, gap marks that count no more than what is missing. Thread-safety: none. A violation
// is a sentence; the run goes on to its end. Lifetime: what it is given must outlive it.
class SafetyChecker {
 public:
  SafetyChecker(uint32_t replicas, const Ledger& ledger, const Servers& servers, const Plan& plan);

  void violation(std::string what);
  // All replicas that executed a block: the same app hash.
  void block(Height height, const std::map<uint32_t, Digest>& app_hashes);
  // New entries of an honest replica's transcript.
  void entries(const replica::Replica& replica, Milliseconds now);
  // At a run's end: gaps where nothing was missed.
  void finish();

  // What was agreed on a connection.
  struct Agreed {
    EntrySequence last;
    Epoch epoch;
    // Of the present epoch of an ordered connection.
    std::vector<std::string> sequence;
    // Of a feed, with how many copies.
    std::map<std::string, uint64_t> texts;
    uint64_t gaps = 0;
    // Messages that were agreed later than hold_back after an honest member had them.
    uint64_t slow = 0;
    // Of each epoch that ended.
    std::vector<transcript::Cause> closes;
    bool feed = false;
    bool ordered = false;
    // Observations: when the newest reading was made.
    std::optional<Milliseconds> read_at;
  };
  const std::map<ConnectionId, Agreed>& agreed() const { return connections_; }
  const std::vector<std::string>& violations() const { return violations_; }
  uint64_t messages() const { return messages_; }
  uint64_t gaps() const { return gaps_; }
  uint64_t closes() const { return closes_; }
  // Of all app hashes: equal for equal plans.
  Digest run_digest() const { return digest_; }

 private:
  // Of one key of a feed: what came, by serial.
  struct Key {
    std::map<uint64_t, std::string> came;
  };
  void entry(ConnectionId id, Agreed& agreed, const transcript::Entry& entry, const replica::State& state,
             Milliseconds now);
  void feed_message(ConnectionId id, Agreed& agreed, const std::string& text, Milliseconds now);
  void order(ConnectionId id, Agreed& agreed, const std::string& text, Milliseconds now);
  // In a run without faults and small limits: in time.
  void latency(ConnectionId id, const std::string& text, Milliseconds now);
  void opened(ConnectionId id, const Agreed& agreed, const replica::State& state);
  // What a canister is told as written has been written, by as many and by whom it says.
  void receipt(ConnectionId id, const transcript::Sent& sent);
  void note_sends(const replica::State& state);
  // What all had before a feed's epoch ended is agreed, or counted.
  void complete_at_end(ConnectionId id, const Agreed& agreed, const std::string& where, Milliseconds now);
  void reading(Agreed& agreed, const transcript::Reading& reading, Milliseconds at);
  void closed(ConnectionId id, Agreed& agreed, const transcript::Closed& closed, Milliseconds now);
  void gap(ConnectionId id, Agreed& agreed, uint64_t count, Milliseconds now);
  void prefix(ConnectionId id, const Agreed& agreed);

  const agreement::Quorum quorum_;
  const Ledger& ledger_;
  const Servers& servers_;
  const Plan& plan_;
  // Nothing but liars, losses and the weather between replicas.
  const bool calm_;
  std::map<ConnectionId, Agreed> connections_;
  std::map<std::pair<ConnectionId, std::string>, Key> keys_;
  std::map<ConnectionId, uint64_t> late_;
  // What canisters sent, by connection and sequence.
  std::map<ConnectionId, std::map<SendSequence, std::string>> sends_;
  std::vector<std::string> violations_;
  uint64_t messages_ = 0, gaps_ = 0, closes_ = 0;
  Digest digest_;
};

}  // namespace icws::sim
