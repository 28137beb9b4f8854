#include "proof/verify.h"

#include <algorithm>
#include <array>

#include "agreement/report_codec.h"
#include "transcript/head.h"

namespace icws::proof {
namespace {

using agreement::ReplicaSet;
using transcript::Entry;

// How much a section may list is each subnet's own limit, which a verifier does not know: the certificate's
// size bounds it here.
constexpr agreement::AgreementParams kAnySize{.section_items_max = UINT32_MAX,
                                              .section_values_max = UINT32_MAX};

std::unexpected<Fault> fault(FaultKind kind, std::string message) {
  return std::unexpected(Fault{kind, std::move(message)});
}

std::string entry_name(uint64_t sequence) { return "entry " + std::to_string(sequence); }
std::string replica_name(ReplicaIndex index) { return "replica " + std::to_string(index.value); }
std::string change_name(uint64_t version) {
  return "change " + std::to_string(version) + " of the replica set";
}

// The trusted set and those that follow it, ascending.
using Sets = std::vector<ReplicaSet>;

const ReplicaSet& set_at(const Sets& sets, Height height) {
  const ReplicaSet* out = &sets.front();
  for (const ReplicaSet& set : sets) {
    if (set.active_from <= height) out = &set;
  }
  return *out;
}

std::expected<Sets, Fault> follow_changes(const Certificate& certificate, const Trusted& trusted) {
  Sets out{trusted.replicas};
  for (size_t i = 0; i < certificate.changes.size(); ++i) {
    const agreement::SignedSetChange& change = certificate.changes[i];
    const std::string name = change_name(change.change.version);
    if (change.change.version != i + 1)
      return fault(FaultKind::SetChange, name + " stands in the place of " + std::to_string(i + 1));
    // Of before what the verifier trusts.
    if (change.change.version <= trusted.replicas.version) continue;
    auto next = agreement::follow(out.back(), change, trusted.chain_id);
    if (!next) return fault(FaultKind::SetChange, name + ": " + next.error().message);
    out.push_back(std::move(*next));
  }
  return out;
}

// Whether the changes lead to what the certificate says the state holds: none is left out, none surplus. That
// the state does hold it, the Merkle proof shows.
std::expected<void, Fault> check_sets(const Certificate& certificate, const Sets& sets) {
  const Height height(certificate.height.value - 1);
  if (certificate.height.value == 0 || height < sets.front().active_from) {
    return fault(FaultKind::SetChange, "it is of height " + std::to_string(certificate.height.value) +
                                           ", before the trusted replica set, which speaks from height " +
                                           std::to_string(sets.front().active_from.value) + " on");
  }
  if (certificate.sets.empty()) return fault(FaultKind::SetChange, "it does not say what the state's set is");
  // The set of the height, and those to come.
  auto expected = std::ranges::find(sets, set_at(sets, height).version, &ReplicaSet::version);
  for (const ReplicaSet& set : certificate.sets) {
    if (expected == sets.end())
      return fault(FaultKind::SetChange, change_name(set.version) + " is missing: the state has its set");
    if (set.version > expected->version && &set == &certificate.sets.front())
      return fault(FaultKind::SetChange, change_name(expected->version + 1) + " is missing or too late");
    if (set != *expected)
      return fault(FaultKind::SetChange,
                   change_name(expected->version) + " does not lead to the state's set");
    ++expected;
  }
  if (expected == sets.end()) return {};
  return fault(FaultKind::SetChange,
               change_name(expected->version) + " is surplus: the state does not have its set");
}

// Decodes the entries and holds them against the links.
std::expected<std::vector<Entry>, Fault> check_entries(const Certificate& certificate) {
  if (certificate.entries.empty()) return fault(FaultKind::NoEntries, "it holds no entries");
  std::vector<Entry> out;
  for (size_t i = 0; i < certificate.entries.size(); ++i) {
    const Bytes& bytes = certificate.entries[i];
    const uint64_t sequence = certificate.from.value + i;
    auto entry = transcript::decode(bytes);
    // First the sequence: it tells a changed entry from one that was dropped, added or moved.
    if (entry && entry->sequence.value > sequence)
      return fault(FaultKind::MissingEntry, entry_name(sequence) + " is missing: " +
                                                entry_name(entry->sequence.value) + " stands in its place");
    if (entry && entry->sequence.value < sequence)
      return fault(FaultKind::ExtraEntry,
                   entry_name(entry->sequence.value) + " stands in the place of " + entry_name(sequence));
    if (i >= certificate.links.size())
      return fault(FaultKind::ExtraEntry, entry_name(sequence) + " has no link: it is no part of the range");
    if (!entry || transcript::entry_digest(bytes) != certificate.links[i])
      return fault(FaultKind::ChangedEntry, entry_name(sequence) + " is not as agreed, or its link is not");
    out.push_back(std::move(*entry));
  }
  return out;
}

std::expected<void, Fault> check_links(const Certificate& certificate) {
  const bool first = certificate.from == EntrySequence(1);
  if (certificate.from.value == 0 ||
      (first && certificate.previous != transcript::transcript_genesis(certificate.connection))) {
    return fault(FaultKind::WrongStart, "its first entry does not follow the beginning of connection " +
                                            std::to_string(certificate.connection.value));
  }
  Digest head = certificate.previous;
  for (const Digest& link : certificate.links) head = transcript::transcript_next(head, link);
  if (head == certificate.head) return {};
  return fault(FaultKind::WrongHead, "the links do not lead from the head before " +
                                         entry_name(certificate.from.value) +
                                         " to the transcript's head: one of the three was changed");
}

// Checks one report, and returns the app hash that it names.
std::expected<Digest, Fault> check_report(const Certificate& certificate, const ReplicaSet& set, size_t i) {
  const Certificate::Report& one = certificate.reports[i];
  const std::string who = "the report of " + replica_name(one.member);
  const agreement::ReplicaKey* member = set.find(one.member);
  if (member == nullptr) {
    return fault(FaultKind::UnknownMember, replica_name(one.member) + " was no replica at height " +
                                               std::to_string(certificate.height.value));
  }
  if (i > 0 && certificate.reports[i - 1].member >= one.member)
    return fault(FaultKind::UnknownMember, who + " is there twice, or not in order");
  if (!verify_report(certificate.scheme, member->public_key, certificate.chain_id, certificate.height,
                     one.report, one.signature)) {
    return fault(FaultKind::WrongSignature, who + " is not signed with its key");
  }
  const auto report = agreement::decode_report(one.report, kAnySize);
  if (!report) return fault(FaultKind::WrongReport, who + " is not in canonical encoding");
  if (report->chain_id != certificate.chain_id || report->height != certificate.height)
    return fault(FaultKind::WrongReport, who + " was made for another chain or height");
  return report->app_hash;
}

std::expected<Digest, Fault> agreed_app_hash(const Certificate& certificate, const ReplicaSet& set) {
  std::optional<Digest> agreed;
  for (size_t i = 0; i < certificate.reports.size(); ++i) {
    const auto named = check_report(certificate, set, i);
    if (!named) return named;
    if (agreed && *agreed != *named) {
      return fault(FaultKind::WrongAppHash, "the report of " + replica_name(certificate.reports[i].member) +
                                                " names another app hash than those before it");
    }
    agreed = *named;
  }
  if (!agreed || !set.quorum().has_honest(static_cast<uint32_t>(certificate.reports.size()))) {
    return fault(FaultKind::TooFewReports, std::to_string(certificate.reports.size()) + " reports, and of " +
                                               std::to_string(set.members.size()) + " replicas " +
                                               std::to_string(set.quorum().f()) + " may lie: it takes " +
                                               std::to_string(set.quorum().f() + 1));
  }
  return *agreed;
}

// Whether the report that a claim carries is its member's, and says what is claimed. Empty: yes.
std::string claim_fault(const transcript::Claim& claim, const Entry& entry, const Certificate& certificate,
                        const Sets& sets) {
  const ReplicaIndex member(claim.member);
  const agreement::ReplicaKey* key = set_at(sets, Height(claim.height)).find(member);
  if (key == nullptr) return "is of no replica of that height";
  if (!verify_report(certificate.scheme, key->public_key, certificate.chain_id, Height(claim.height),
                     claim.report, claim.signature)) {
    return "is not signed with its key";
  }
  const auto report = agreement::decode_report(claim.report, kAnySize);
  if (!report) return "is in a report that does not decode";
  const auto section =
      std::ranges::find(report->sections, certificate.connection, &agreement::Section::connection);
  if (section == report->sections.end() || section->epoch != entry.epoch)
    return "is in a report that says nothing on this epoch";
  const bool out = section->status == agreement::MemberStatus::OutMismatch ||
                   section->status == agreement::MemberStatus::OutLost;
  const bool said = claim.head ? std::ranges::find(section->heads, *claim.head, &agreement::Head::digest) !=
                                     section->heads.end()
                               : out;
  return said ? std::string() : "is not what its report says";
}

std::expected<size_t, Fault> check_evidence(const std::vector<Entry>& entries, const Certificate& certificate,
                                            const Sets& sets) {
  size_t checked = 0;
  for (const Entry& entry : entries) {
    const auto* closed = std::get_if<transcript::Closed>(&entry.what);
    if (closed == nullptr) continue;
    for (const transcript::Claim& claim : closed->evidence) {
      // A claim of before the verifier's trust begins cannot be checked against a key.
      if (Height(claim.height) < sets.front().active_from) continue;
      if (std::string what = claim_fault(claim, entry, certificate, sets); !what.empty()) {
        return fault(FaultKind::WrongEvidence, entry_name(entry.sequence.value) + ": the claim of replica " +
                                                   std::to_string(claim.member) + " " + what);
      }
      ++checked;
    }
  }
  return checked;
}

}  // namespace

std::string_view fault_name(FaultKind kind) {
  static constexpr std::array<std::string_view, 16> kNames = {"",
                                                              "WRONG_CHAIN",
                                                              "SET_CHANGE",
                                                              "NO_ENTRIES",
                                                              "MISSING_ENTRY",
                                                              "EXTRA_ENTRY",
                                                              "CHANGED_ENTRY",
                                                              "WRONG_START",
                                                              "WRONG_HEAD",
                                                              "WRONG_PROOF",
                                                              "UNKNOWN_MEMBER",
                                                              "WRONG_SIGNATURE",
                                                              "WRONG_REPORT",
                                                              "WRONG_APP_HASH",
                                                              "TOO_FEW_REPORTS",
                                                              "WRONG_EVIDENCE"};
  return kNames[static_cast<size_t>(kind)];
}

std::expected<Verified, Fault> verify(const Certificate& certificate, const Trusted& trusted) {
  if (certificate.chain_id != trusted.chain_id) {
    return fault(FaultKind::WrongChain,
                 "it is of chain " + certificate.chain_id + ", not of " + trusted.chain_id);
  }
  const auto sets = follow_changes(certificate, trusted);
  if (!sets) return std::unexpected(sets.error());
  if (auto checked = check_sets(certificate, *sets); !checked) return std::unexpected(checked.error());
  auto entries = check_entries(certificate);
  if (!entries) return std::unexpected(entries.error());
  if (auto checked = check_links(certificate); !checked) return std::unexpected(checked.error());

  Verified out;
  out.connection = certificate.connection;
  out.last_entry = EntrySequence(certificate.from.value + certificate.links.size() - 1);
  out.head = certificate.head;
  out.height = certificate.height;
  out.replicas = set_at(*sets, certificate.height);
  const auto app_hash = agreed_app_hash(certificate, out.replicas);
  if (!app_hash) return std::unexpected(app_hash.error());
  out.app_hash = *app_hash;
  const transcript::TranscriptHead leaf{out.connection, out.last_entry, out.head};
  const auto root =
      merkle_root(transcript::head_key(out.connection), archive_encode(leaf), certificate.proof);
  if (root != out.app_hash) {
    return fault(
        FaultKind::WrongProof,
        "the Merkle proof does not lead from the transcript's head to the app hash that the replicas have "
        "signed: head, proof or height was changed");
  }
  if (merkle_root(agreement::kReplicaSetsKey, archive_encode(certificate.sets), certificate.sets_proof) !=
      out.app_hash) {
    return fault(
        FaultKind::WrongProof,
        "the Merkle proof does not lead from the replica sets to the app hash that the replicas have "
        "signed: a change of the set was left out, or the sets, their proof or the height was changed");
  }
  const auto claims = check_evidence(*entries, certificate, *sets);
  if (!claims) return std::unexpected(claims.error());
  out.claims_checked = *claims;
  out.entries = std::move(*entries);
  for (const Certificate::Report& report : certificate.reports) out.signers.push_back(report.member);
  return out;
}

}  // namespace icws::proof
