// The replica sets in the replicated state: who reports at which height, and the transaction that changes it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "agreement/replica_set.h"
#include "base/archive.h"
#include "base/bytes.h"
#include "base/ids.h"

namespace icws::replica {

using agreement::ReplicaSet;
using agreement::SignedSetChange;

// A change that runs in block H is active from H + 2 at the earliest, as CometBFT changes its validators: the
// reports of H are signed already, and the proposer of H + 1 is known.
inline constexpr uint64_t kSetChangeBlocksMin = 2;
// And at most so many blocks later: while it waits no other change can be made. Over an hour at 50 ms.
inline constexpr uint64_t kSetChangeBlocksMax = 100'000;

// What: the sets that may still be asked for. Thread-safety: none. A value; archive encoding.
class Membership {
 public:
  static void fields(auto& archive, auto& self) { archive(self.sets_); }

  Membership() = default;
  explicit Membership(ReplicaSet genesis) : sets_{std::move(genesis)} {}

  // The set that makes the reports of `height`, which is not before the last committed height.
  const ReplicaSet& at(Height height) const;
  // That of the last committed height, and those to come: what the state's leaf holds.
  const std::vector<ReplicaSet>& sets() const { return sets_; }
  // The last one that was decided, active or not.
  const ReplicaSet& newest() const { return sets_.back(); }

  // In block `height`: the set to come. The sentence says what is wrong.
  std::expected<void, std::string> apply(const SignedSetChange& change, Height height,
                                         std::string_view chain_id);
  // After block `height`: forgets sets of which no report can come any more.
  void prune(Height height);

 private:
  // Ascending by version and by height; never empty but in an object to be loaded.
  std::vector<ReplicaSet> sets_;
};

// The transaction that makes a change.
Bytes encode_set_change(const SignedSetChange& change);
// Empty unless it is exactly one.
std::optional<SignedSetChange> decode_set_change(BytesView transaction);

}  // namespace icws::replica
