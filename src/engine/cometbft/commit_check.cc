#include "engine/cometbft/commit_check.h"

#include <set>
#include <string>

#include "engine/cometbft/comet_signature.h"

namespace icws::engine {
namespace {

using replica::Rejection;
using replica::RejectionKind;

std::unexpected<Rejection> refuse(std::string what) {
  return std::unexpected(Rejection{RejectionKind::WrongCommit, std::move(what)});
}

std::string name(ReplicaIndex member) { return "replica " + std::to_string(member.value); }

}  // namespace

GatheredReports gather_reports(const std::vector<ExtendedVote>& votes, uint32_t round, Height height,
                               const ValidatorSet& validators) {
  GatheredReports out;
  for (const ExtendedVote& vote : votes) {
    if (!vote.vote.for_block) continue;
    const auto member = validators.find(vote.vote.address);
    if (!member) {
      out.faults.push_back({RejectionKind::UnknownMember,
                            "vote of " + to_hex(vote.vote.address) + ": not a validator of this height"});
      continue;
    }
    out.reports.push_back({*member, height, vote.extension, CometSignature{round, vote.signature}.encode()});
  }
  return out;
}

std::expected<void, Rejection> check_against_commit(const std::vector<agreement::CarriedReport>& reports,
                                                    const std::vector<CommitVote>& votes, uint32_t round,
                                                    Height height, const ValidatorSet& validators) {
  if (height == Height(1)) {
    if (!reports.empty()) return refuse("the first block carries reports");
    return {};
  }
  std::set<ReplicaIndex> committed;
  for (const CommitVote& vote : votes) {
    const auto member = validators.find(vote.address);
    if (!member) return refuse("the commit has a vote of no validator");
    if (vote.for_block) committed.insert(*member);
  }
  std::set<ReplicaIndex> seen;
  for (const auto& report : reports) {
    const auto signature = CometSignature::decode(report.signature);
    if (!signature || signature->round != round) {
      return refuse("report of " + name(report.member) + ": not of the commit's round");
    }
    if (!committed.contains(report.member)) {
      return refuse("report of " + name(report.member) + ": it did not vote for the block");
    }
    if (!seen.insert(report.member).second) return refuse("two reports of " + name(report.member));
  }
  if (seen.size() < validators.quorum()) {
    return refuse("reports of " + std::to_string(seen.size()) + " replicas, at least " +
                  std::to_string(validators.quorum()) + " are needed");
  }
  return {};
}

}  // namespace icws::engine
