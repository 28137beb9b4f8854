// One replica as the orderer sees it: the application interface with a deadline on every call.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "base/time.h"
#include "replica/application.h"

namespace icws::engine {

// A call that gave no answer: the replica is dead, hung, or not where the orderer thought it is.
struct LinkFailure {
  // For logs.
  std::string message;
};

template <class T>
using Answer = std::expected<T, LinkFailure>;

// Where a replica stands.
struct Standpoint {
  // The last committed height, and the state after it.
  Height height;
  Digest app_hash;
  // The replica set of the next height, ascending.
  std::vector<ReplicaIndex> next_members;
};

struct PrunedReport {
  ReplicaIndex member;
  replica::Rejection rejection;
};

struct Proposal {
  Bytes payload;
  // Reports that the proposer refused, with the reason.
  std::vector<PrunedReport> pruned;
};

// What: see above. Thread-safety: one call at a time. Errors: every call returns within `timeout` and a
// little; a LinkFailure says nothing about whether the replica did what it was asked to do.
class ReplicaLink {
 public:
  virtual ~ReplicaLink() = default;
  virtual Answer<Standpoint> info(Milliseconds timeout) = 0;
  virtual Answer<Proposal> prepare_proposal(const replica::ProposalRequest& request,
                                            Milliseconds timeout) = 0;
  virtual Answer<std::expected<void, replica::Rejection>> process_proposal(const replica::Block& block,
                                                                           Milliseconds timeout) = 0;
  virtual Answer<replica::SignedReport> extend_vote(Height height, Milliseconds timeout) = 0;
  // After the block.
  virtual Answer<Standpoint> finalize_and_commit(const replica::Block& block, Milliseconds timeout) = 0;
  // A replica with another state after `height` stops for good, and gives no answer.
  virtual Answer<void> agreed_hash(Height height, const Digest& hash, Milliseconds timeout) = 0;
  // At most `bytes_max` together, but for a first one that alone is larger.
  virtual Answer<std::vector<Bytes>> pending_transactions(uint64_t bytes_max, Milliseconds timeout) = 0;
};

}  // namespace icws::engine
