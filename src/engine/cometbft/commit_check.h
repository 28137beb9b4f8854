// The reports of a block against the commit that the same block carries.
//
// The votes of height h-1 decide which reports a block of height h may hold. The proposer has them with their
// extensions, everyone else only knows who voted for what. A payload repeats of an extended commit what is
// not known otherwise: the reports with their signatures and round, by member. So the rules for an injected
// extended commit become these:
//   - each report's round is the commit's (its signature is checked over it);
//   - its member is a validator and voted for the block, not for nil and not at all;
//   - no member twice (the payload's encoding is ascending);
//   - reports that are left out count as blanked votes: q = n - f must remain. A commit has q votes at least,
//     and each of those was checked by VerifyVoteExtension on the proposer before it counted, so an honest
//     proposer always has q. Precommits that came later were not checked: it prunes them where needed.
#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "agreement/report_codec.h"
#include "engine/cometbft/validator_set.h"
#include "replica/application.h"

namespace icws::engine {

// How a validator voted at the height before.
struct CommitVote {
  Bytes address;
  bool for_block = false;
};

struct ExtendedVote {
  CommitVote vote;
  Bytes extension;
  // Ed25519.
  Bytes signature;
};

struct GatheredReports {
  std::vector<replica::SignedReport> reports;
  // Votes of which no report could be made.
  std::vector<replica::Rejection> faults;
};

// The proposer's: every vote for the block as a report of `height`, unchecked. `round`: the commit's.
GatheredReports gather_reports(const std::vector<ExtendedVote>& votes, uint32_t round, Height height,
                               const ValidatorSet& validators);

// The validators': the rules above but for the signatures, which the core checks. `height`: the block's;
// block 1 carries no commit and no reports.
std::expected<void, replica::Rejection> check_against_commit(
    const std::vector<agreement::CarriedReport>& reports, const std::vector<CommitVote>& votes,
    uint32_t round, Height height, const ValidatorSet& validators);

}  // namespace icws::engine
