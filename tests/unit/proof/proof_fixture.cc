#include "tests/unit/proof/proof_fixture.h"

#include "transcript/head.h"

namespace icws::proof {
namespace {

constexpr ConnectionId kConnection{7};

}  // namespace

SigningKey test_key(uint64_t number) { return SigningKey(sha256("key " + std::to_string(number)).view()); }

transcript::Entry test_entry(uint64_t sequence) {
  transcript::Entry out;
  out.sequence = EntrySequence(sequence);
  out.epoch = Epoch(1);
  out.height = Height(10 + sequence);
  out.time = BlockTime(Milliseconds(1'700'000'000'000));
  if (sequence == 1) {
    out.what = transcript::Opened{};
  } else {
    out.what = transcript::Message{transcript::ContentKind::Text, "message " + std::to_string(sequence), {}};
  }
  return out;
}

TestChain::TestChain(uint64_t count, SignatureScheme scheme)
    : scheme_(scheme), head_(transcript::transcript_genesis(kConnection)) {
  std::vector<Bytes> keys;
  for (uint64_t i = 0; i < 4; ++i) keys.push_back(test_key(i).public_key());
  genesis_ = agreement::genesis_replicas(keys);
  for (uint64_t i = 1; i <= count; ++i) {
    entries.push_back(transcript::encode(test_entry(i)));
    head_ = transcript::transcript_next(head_, transcript::entry_digest(entries.back()));
  }
  for (int i = 0; i < 50; ++i) tree_.set("other " + std::to_string(i), "value");
  const transcript::TranscriptHead leaf{kConnection, EntrySequence(count), head_};
  tree_.set(transcript::head_key(kConnection), archive_encode(leaf));
  hand_over({});
}

void TestChain::hand_over(const std::vector<agreement::SignedSetChange>& changes) {
  changes_ = changes;
  sets_ = {genesis_};
  for (const agreement::SignedSetChange& one : changes)
    sets_.push_back(agreement::follow_unsigned(sets_.back(), one.change).value());
  // What the state after height 41 keeps.
  while (sets_.size() > 1 && sets_[1].active_from <= Height(41)) sets_.erase(sets_.begin());
  tree_.set(agreement::kReplicaSetsKey, archive_encode(sets_));
  app_hash = tree_.root();
}

Bytes TestChain::sign(uint64_t key, Height height, const Bytes& report, const std::string& chain) const {
  if (scheme_ == SignatureScheme::Local) return test_key(key).sign(local_sign_bytes(chain, height, report));
  const uint32_t round = 1;
  ArchiveWriter writer;
  writer(round, test_key(key).sign(vote_extension_sign_bytes(chain, height, round, report)));
  return writer.take();
}

Certificate::Report TestChain::report(uint32_t member, uint64_t key, const Digest& hash, Height height,
                                      const std::string& chain) const {
  Bytes bytes = agreement::encode_report(agreement::Report{chain, height, hash, {}});
  Bytes signature = sign(key, height, bytes, chain);
  return {ReplicaIndex(member), std::move(bytes), std::move(signature)};
}

Certificate TestChain::certificate(uint64_t first, uint64_t last,
                                   const std::vector<uint32_t>& signers) const {
  Certificate out;
  out.scheme = scheme_;
  out.chain_id = "chain";
  out.connection = kConnection;
  out.from = EntrySequence(first);
  out.previous = transcript::transcript_genesis(kConnection);
  for (uint64_t i = 1; i <= entries.size(); ++i) {
    const Digest link = transcript::entry_digest(entries[i - 1]);
    if (i < first) {
      out.previous = transcript::transcript_next(out.previous, link);
      continue;
    }
    if (i <= last) out.entries.push_back(entries[i - 1]);
    out.links.push_back(link);
  }
  out.head = head_;
  out.proof = *tree_.prove(transcript::head_key(kConnection));
  out.changes = changes_;
  out.sets = sets_;
  out.sets_proof = *tree_.prove(agreement::kReplicaSetsKey);
  out.height = Height(42);
  for (const uint32_t signer : signers) out.reports.push_back(report(signer, signer, app_hash));
  return out;
}

agreement::SignedSetChange TestChain::change(
    const agreement::ReplicaSet& from, Height active_from,
    const std::vector<std::pair<uint32_t, uint64_t>>& members,
    const std::vector<std::pair<uint32_t, uint64_t>>& signers) const {
  agreement::SignedSetChange out;
  out.change = {from.hash(), from.version + 1, active_from, {}};
  for (const auto& [index, key] : members)
    out.change.members.push_back({ReplicaIndex(index), test_key(key).public_key()});
  const Bytes bytes = agreement::set_change_sign_bytes("chain", out.change);
  for (const auto& [index, key] : signers)
    out.signatures.push_back({ReplicaIndex(index), test_key(key).sign(bytes)});
  return out;
}

}  // namespace icws::proof
