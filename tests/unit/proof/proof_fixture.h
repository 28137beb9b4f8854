// A chain small enough to build certificates by hand: entries, a state tree, replicas with real keys.
#pragma once

#include <string>
#include <vector>

#include "agreement/replica_set.h"
#include "agreement/report_codec.h"
#include "base/merkle_map.h"
#include "base/signature.h"
#include "proof/verify.h"
#include "transcript/entry.h"

namespace icws::proof {

// The key of a replica, by a number of the test's choice.
SigningKey test_key(uint64_t number);
// Entry `sequence`: a message that says so.
transcript::Entry test_entry(uint64_t sequence);

// What: connection 7 with `entries` entries, under the app hash of height 41; reports of height 42 by
// `signers`.
class TestChain {
 public:
  explicit TestChain(uint64_t entries = 10, SignatureScheme scheme = SignatureScheme::Local);

  // Replicas 0 .. 3 with keys 0 .. 3.
  Trusted trusted() const { return Trusted{"chain", genesis_}; }
  // These changes ran before height 42.
  void hand_over(const std::vector<agreement::SignedSetChange>& changes);
  // Entries first .. last, reports of these members with these keys.
  Certificate certificate(uint64_t first, uint64_t last, const std::vector<uint32_t>& signers = {0, 1}) const;
  Certificate::Report report(uint32_t member, uint64_t key, const Digest& app_hash,
                             Height height = Height(42), const std::string& chain = "chain") const;
  // The next set, signed by members of `from` with their keys.
  agreement::SignedSetChange change(const agreement::ReplicaSet& from, Height active_from,
                                    const std::vector<std::pair<uint32_t, uint64_t>>& members,
                                    const std::vector<std::pair<uint32_t, uint64_t>>& signers) const;

  std::vector<Bytes> entries;
  Digest app_hash;

 private:
  Bytes sign(uint64_t key, Height height, const Bytes& report, const std::string& chain) const;

  SignatureScheme scheme_;
  agreement::ReplicaSet genesis_;
  std::vector<agreement::SignedSetChange> changes_;
  std::vector<agreement::ReplicaSet> sets_;
  mutable MerkleMap tree_;
  Digest head_;
};

}  // namespace icws::proof
