// The reports of a payload: which are well-formed and signed, and which count.
#pragma once

#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agreement/report_codec.h"
#include "replica/application.h"
#include "replica/cluster_params.h"
#include "replica/membership.h"
#include "replica/persistence.h"
#include "replica/report_window.h"

namespace icws::replica {

// What: see above; remembers the last reports of each member that were good, so that one which comes as a
// vote extension, in a proposal and in a block is verified and decoded once. Thread-safety: none. Lifetime:
// what it is given must outlive it.
class PayloadCheck {
 public:
  // `members`: of the state; may change from block to block.
  PayloadCheck(const ClusterParams& params, const Membership& members, const ReportVerifier& verifier)
      : params_(params), members_(members), verifier_(verifier) {}

  // Size, encoding, chain and height of one report.
  std::expected<void, Rejection> check_unsigned(ReplicaIndex member, Height height, BytesView report) const;
  // And its signature.
  std::expected<void, Rejection> check_one(const SignedReport& report) const;
  // All reports of a payload for `height`: of the height before, in order of members, each good.
  std::expected<void, Rejection> check(const std::vector<agreement::CarriedReport>& reports,
                                       Height height) const;
  // The good ones of what the engine collected, in order of members; `pruned` hears why of the others.
  std::vector<agreement::CarriedReport> prune(const ProposalRequest& request,
                                              const std::function<void(const Rejection&)>& pruned) const;
  // Those that were made on this chain's state: one with another app hash is void.
  BlockReports counted(const std::vector<agreement::CarriedReport>& reports, Height height,
                       const AppHashes& hashes) const;
  // The app hash after height - 2 that a quorum of these reports names, if it is not this replica's: among a
  // quorum are more than f honest ones, so either this replica or the subnet is broken.
  std::optional<Digest> outvoted(const std::vector<agreement::CarriedReport>& reports, Height height,
                                 const AppHashes& hashes) const;
  // Decodes what counted before a restart.
  void decode_stored(BlockReports& block) const;

 private:
  using Decoded = std::shared_ptr<const agreement::Report>;
  struct Known {
    SignedReport report;
    // With which it was verified.
    Bytes public_key;
    Decoded decoded;
  };

  // Null: not among the last good ones of this member.
  const Known* known(ReplicaIndex member, BytesView report) const;
  void remember(const SignedReport& report, const Bytes& public_key, Decoded decoded) const;
  // What check_unsigned() says, and the report.
  std::expected<Decoded, Rejection> read(ReplicaIndex member, Height height, BytesView report) const;
  // Null: it does not decode.
  Decoded decode(ReplicaIndex member, BytesView report) const;

  const ClusterParams& params_;
  const Membership& members_;
  const ReportVerifier& verifier_;
  // By member; the newest last. What is in it follows from the reports alone.
  mutable std::map<ReplicaIndex, std::deque<Known>> known_;
};

}  // namespace icws::replica
