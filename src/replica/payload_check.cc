#include "replica/payload_check.h"

#include <algorithm>
#include <map>

namespace icws::replica {
namespace {

// Of one member: of the block's height and of the next one; a third leaves a member who signs two different
// reports of one height little to gain.
constexpr size_t kKnownPerMember = 3;
// Members of which something is remembered; beyond it those who have left are forgotten.
constexpr size_t kKnownMembersMax = agreement::kReplicasMax;

Rejection rejection(RejectionKind kind, ReplicaIndex member, std::string what) {
  return Rejection{kind, "report of replica " + std::to_string(member.value) + ": " + std::move(what)};
}

}  // namespace

std::string_view rejection_name(RejectionKind kind) {
  switch (kind) {
    case RejectionKind::Malformed:
      return "MALFORMED";
    case RejectionKind::Oversize:
      return "OVERSIZE";
    case RejectionKind::WrongSignature:
      return "WRONG_SIGNATURE";
    case RejectionKind::UnknownMember:
      return "UNKNOWN_MEMBER";
    case RejectionKind::DuplicateMember:
      return "DUPLICATE_MEMBER";
    case RejectionKind::WrongHeight:
      return "WRONG_HEIGHT";
    case RejectionKind::WrongChain:
      return "WRONG_CHAIN";
    case RejectionKind::UnknownConnection:
      return "UNKNOWN_CONNECTION";
    case RejectionKind::UnsupportedDecision:
      return "UNSUPPORTED_DECISION";
    case RejectionKind::WrongOrder:
      return "WRONG_ORDER";
    case RejectionKind::WrongContent:
      return "WRONG_CONTENT";
    case RejectionKind::InboxFull:
      return "INBOX_FULL";
    case RejectionKind::BadTransaction:
      return "BAD_TRANSACTION";
    case RejectionKind::WrongCommit:
      return "WRONG_COMMIT";
    case RejectionKind::DoubleVote:
      return "DOUBLE_VOTE";
  }
  return "UNKNOWN";
}

const PayloadCheck::Known* PayloadCheck::known(ReplicaIndex member, BytesView report) const {
  const auto of_member = known_.find(member);
  if (of_member == known_.end()) return nullptr;
  const auto it = std::ranges::find_if(of_member->second,
                                       [&](const Known& each) { return each.report.report == report; });
  return it == of_member->second.end() ? nullptr : &*it;
}

void PayloadCheck::remember(const SignedReport& report, const Bytes& public_key, Decoded decoded) const {
  std::deque<Known>& of_member = known_[report.member];
  of_member.push_back(Known{report, public_key, std::move(decoded)});
  if (of_member.size() > kKnownPerMember) of_member.pop_front();
  // Of who has left.
  if (known_.size() > kKnownMembersMax) {
    std::erase_if(known_, [&](const auto& one) { return members_.newest().find(one.first) == nullptr; });
  }
}

PayloadCheck::Decoded PayloadCheck::decode(ReplicaIndex member, BytesView report) const {
  if (const Known* same = known(member, report)) return same->decoded;
  auto decoded = agreement::decode_report(report, params_.agreement);
  return decoded ? std::make_shared<const agreement::Report>(std::move(*decoded)) : nullptr;
}

std::expected<PayloadCheck::Decoded, Rejection> PayloadCheck::read(ReplicaIndex member, Height height,
                                                                   BytesView report) const {
  const auto refuse = [&](RejectionKind kind, std::string what) {
    return std::unexpected(rejection(kind, member, std::move(what)));
  };
  if (members_.at(height).find(member) == nullptr) {
    return refuse(RejectionKind::UnknownMember, "no such replica in the set of its height");
  }
  if (report.size() > params_.report_bytes_max) {
    return refuse(RejectionKind::Oversize, std::to_string(report.size()) + " bytes, at most " +
                                               std::to_string(params_.report_bytes_max));
  }
  Decoded decoded = decode(member, report);
  if (!decoded) return refuse(RejectionKind::Malformed, "not in canonical encoding");
  if (decoded->chain_id != params_.chain_id)
    return refuse(RejectionKind::WrongChain, "made for another chain");
  if (decoded->height != height) return refuse(RejectionKind::WrongHeight, "made for another height");
  return decoded;
}

std::expected<void, Rejection> PayloadCheck::check_unsigned(ReplicaIndex member, Height height,
                                                            BytesView report) const {
  auto decoded = read(member, height, report);
  if (!decoded) return std::unexpected(std::move(decoded.error()));
  return {};
}

std::expected<void, Rejection> PayloadCheck::check_one(const SignedReport& report) const {
  const agreement::ReplicaKey* member = members_.at(report.height).find(report.member);
  const Known* same = known(report.member, report.report);
  // The key may have become another since: a report of a height far ahead is not good for that height.
  if (member != nullptr && same != nullptr && same->report.height == report.height &&
      same->report.signature == report.signature && same->public_key == member->public_key)
    return {};
  if (member != nullptr && !verifier_.verify(report, member->public_key)) {
    // Before anything else: an unsigned report must not blame a member for what is in it.
    return std::unexpected(
        rejection(RejectionKind::WrongSignature, report.member, "the signature is not this replica's"));
  }
  auto decoded = read(report.member, report.height, report.report);
  if (!decoded) return std::unexpected(std::move(decoded.error()));
  remember(report, member->public_key, std::move(*decoded));
  return {};
}

std::expected<void, Rejection> PayloadCheck::check(const std::vector<agreement::CarriedReport>& reports,
                                                   Height height) const {
  for (const agreement::CarriedReport& carried : reports) {
    const SignedReport report{carried.member, Height(height.value - 1), carried.report, carried.signature};
    if (auto checked = check_one(report); !checked) return checked;
  }
  return {};
}

std::vector<agreement::CarriedReport> PayloadCheck::prune(
    const ProposalRequest& request, const std::function<void(const Rejection&)>& pruned) const {
  std::vector<agreement::CarriedReport> out;
  for (const SignedReport& report : request.reports) {
    if (report.height.next() != request.height) {
      pruned(rejection(RejectionKind::WrongHeight, report.member, "not of the height before the block's"));
      continue;
    }
    if (auto checked = check_one(report); !checked) {
      pruned(checked.error());
      continue;
    }
    if (std::ranges::find(out, report.member, &agreement::CarriedReport::member) != out.end()) {
      pruned(rejection(RejectionKind::DuplicateMember, report.member, "a second report of the same height"));
      continue;
    }
    out.push_back(agreement::CarriedReport{report.member, report.report, report.signature});
  }
  std::ranges::sort(out, {}, &agreement::CarriedReport::member);
  return out;
}

BlockReports PayloadCheck::counted(const std::vector<agreement::CarriedReport>& reports, Height height,
                                   const AppHashes& hashes) const {
  BlockReports out;
  out.height = height;
  if (height.value < 2) return out;
  const Height made(height.value - 1);
  const auto base = hashes.after(Height(made.value - 1));
  for (const agreement::CarriedReport& carried : reports) {
    if (!base) continue;
    Decoded decoded = decode(carried.member, carried.report);
    if (!decoded || decoded->app_hash != *base) continue;
    out.stored.push_back(StoredReport{carried.member, made, carried.report, carried.signature});
    out.members.push_back(BlockReports::Member{carried.member, std::move(decoded)});
  }
  out.find_busy();
  return out;
}

std::optional<Digest> PayloadCheck::outvoted(const std::vector<agreement::CarriedReport>& reports,
                                             Height height, const AppHashes& hashes) const {
  if (height.value < 2) return std::nullopt;
  const auto here = hashes.after(Height(height.value - 2));
  const agreement::Quorum quorum = members_.at(Height(height.value - 1)).quorum();
  std::map<Digest, uint32_t> votes;
  for (const agreement::CarriedReport& carried : reports) {
    const Decoded decoded = decode(carried.member, carried.report);
    if (here && decoded && decoded->app_hash != *here) ++votes[decoded->app_hash];
  }
  for (const auto& [hash, count] : votes) {
    if (quorum.is_quorum(count)) return hash;
  }
  return std::nullopt;
}

void PayloadCheck::decode_stored(BlockReports& block) const {
  for (const StoredReport& stored : block.stored) {
    if (Decoded decoded = decode(stored.member, stored.report)) {
      block.members.push_back(BlockReports::Member{stored.member, std::move(decoded)});
    }
  }
  block.find_busy();
}

}  // namespace icws::replica
