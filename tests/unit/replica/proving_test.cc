#include "replica/proving.h"

#include "base/signature.h"
#include "proof/verify.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

SigningKey key_of(ReplicaIndex member) {
  return SigningKey(sha256("seed " + std::to_string(member.value)).view());
}

ClusterParams keyed_params() {
  ClusterParams params = test_params(4);
  for (uint32_t i = 0; i < 4; ++i) params.replica_keys[i] = key_of(ReplicaIndex(i)).public_key();
  return params;
}

proof::Trusted trusted(const Harness& subnet) {
  return {subnet.params().chain_id, agreement::genesis_replicas(subnet.params().replica_keys)};
}

// As an engine would: waits for the block with the reports, and takes those of `signers`. The harness signs
// with a hash, so they are signed again here.
proof::Certificate certify(Harness& subnet, ConnectionId id, uint64_t first, uint64_t last,
                           const std::set<uint32_t>& signers = {1, 2}) {
  auto out = subnet.replica(0).prove(id, EntrySequence(first), EntrySequence(last));
  EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message);
  if (!out) return {};
  while (subnet.replica(0).info().height <= out->height) subnet.blocks(1);
  for (proof::Certificate::Report& report : subnet.replica(0).reports_of(out->height)) {
    if (!signers.contains(report.member.value)) continue;
    const Bytes bytes = proof::local_sign_bytes(out->chain_id, out->height, report.report);
    report.signature = key_of(report.member).sign(bytes);
    out->reports.push_back(std::move(report));
  }
  return *out;
}

std::string error_of(Harness& subnet, ConnectionId id, uint64_t first, uint64_t last) {
  const auto out = subnet.replica(0).prove(id, EntrySequence(first), EntrySequence(last));
  return out ? "" : out.error().message;
}

// Opened and `messages` messages.
ConnectionId filled(Harness& subnet, Mode mode, int messages) {
  const ConnectionId id = subnet.opened(test_open(mode));
  for (int i = 0; i < messages; ++i) subnet.all_see(id, "message " + std::to_string(i));
  subnet.blocks(4);
  EXPECT_EQ(subnet.view(id).entries, EntrySequence(static_cast<uint64_t>(messages) + 1));
  return id;
}

TEST(Proving, AnyRangeIsVerifiedWithPublicKeysAlone) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet(keyed_params());
    const ConnectionId other = filled(subnet, Mode::Ordered, 3);
    const ConnectionId id = filled(subnet, mode, 8);
    for (const auto& [first, last] : {std::pair{1, 9}, {1, 0}, {4, 6}, {9, 9}}) {
      const auto first_entry = static_cast<uint64_t>(first);
      const auto last_entry = static_cast<uint64_t>(last);
      const auto verified = proof::verify(certify(subnet, id, first_entry, last_entry), trusted(subnet));
      ASSERT_TRUE(verified) << verified.error().message;
      EXPECT_EQ(verified->last_entry, EntrySequence(9));
      EXPECT_EQ(verified->head, subnet.view(id).head);
      EXPECT_EQ(verified->entries,
                subnet.replica(0).transcript(id, EntrySequence(first_entry),
                                             (last == 0 ? 9 : last_entry) - first_entry + 1));
    }
    EXPECT_TRUE(proof::verify(certify(subnet, other, 1, 0), trusted(subnet)));
  }
}

// The transcript goes on while the certificate waits for its reports: it is of the state where it was begun.
TEST(Proving, HoldsWhileTheTranscriptGrows) {
  Harness subnet(keyed_params());
  const ConnectionId id = filled(subnet, Mode::Feed, 3);
  subnet.all_see(id, "seen, not agreed yet");
  const auto verified = proof::verify(certify(subnet, id, 1, 0), trusted(subnet));
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->last_entry, EntrySequence(4));
  EXPECT_EQ(subnet.view(id).entries, EntrySequence(5));
}

// S5: reports of a feed prove that members have seen its messages, not in which order they were agreed, nor
// that there were no others. What is proved goes through the transcript's head in the app hash, which the
// reports name.
TEST(Attack, S5_ReportsProveOrderAndCompletenessThroughTheAppHashAlone) {
  Harness subnet(keyed_params());
  const ConnectionId id = filled(subnet, Mode::Feed, 6);
  const proof::Certificate good = certify(subnet, id, 2, 6);
  ASSERT_TRUE(proof::verify(good, trusted(subnet)));
  const auto rechained = [&](proof::Certificate bad) {
    bad.links.clear();
    bad.head = bad.previous;
    for (size_t i = 0; i < bad.entries.size(); ++i) {
      transcript::Entry entry = *transcript::decode(bad.entries[i]);
      entry.sequence = EntrySequence(bad.from.value + i);
      bad.entries[i] = transcript::encode(entry);
      bad.links.push_back(transcript::entry_digest(bad.entries[i]));
      bad.head = transcript::transcript_next(bad.head, bad.links.back());
    }
    return bad;
  };
  // f members can sign what they like; everything else is made to fit.
  const auto expect_refused = [&](proof::Certificate bad) {
    const auto verified = proof::verify(rechained(std::move(bad)), trusted(subnet));
    ASSERT_FALSE(verified);
    EXPECT_EQ(proof::fault_name(verified.error().kind), "WRONG_PROOF");
  };
  proof::Certificate swapped = good;
  std::swap(swapped.entries[1], swapped.entries[3]);
  expect_refused(swapped);
  proof::Certificate dropped = good;
  dropped.entries.erase(dropped.entries.begin() + 2);
  expect_refused(dropped);
  proof::Certificate invented = good;
  invented.entries.push_back(invented.entries.back());
  expect_refused(invented);
}

TEST(Proving, SurvivesARestart) {
  Harness subnet(keyed_params());
  const ConnectionId id = filled(subnet, Mode::Ordered, 5);
  subnet.crash(0);
  subnet.start(0);
  EXPECT_TRUE(proof::verify(certify(subnet, id, 3, 4), trusted(subnet)));
}

TEST(Proving, SaysWhatItCannotProve) {
  ClusterParams params = keyed_params();
  params.transcript_entries_kept = 5;
  Harness subnet(params);
  const ConnectionId id = filled(subnet, Mode::Ordered, 9);
  EXPECT_THAT(error_of(subnet, ConnectionId(7), 1, 0), testing::HasSubstr("no connection 7"));
  EXPECT_THAT(error_of(subnet, id, 0, 0), testing::HasSubstr("from 1"));
  EXPECT_THAT(error_of(subnet, id, 8, 7), testing::HasSubstr("from 1"));
  EXPECT_THAT(error_of(subnet, id, 8, 11), testing::HasSubstr("10 entries, not 11"));
  EXPECT_THAT(error_of(subnet, id, 5, 0), testing::HasSubstr("entry 5 is not kept any more"));
  // The oldest that is kept: the head before it was stored with it.
  EXPECT_TRUE(proof::verify(certify(subnet, id, 6, 0), trusted(subnet)));
  const ConnectionId empty = subnet.open(test_open(Mode::Ordered));
  EXPECT_THAT(error_of(subnet, empty, 1, 0), testing::HasSubstr("no entries yet"));
}

TEST(Proving, NotWhileABlockIsBetweenItsTwoSteps) {
  Harness subnet(keyed_params());
  const ConnectionId id = filled(subnet, Mode::Ordered, 2);
  subnet.replica(0).finalize_block(subnet.propose({}));
  EXPECT_THAT(error_of(subnet, id, 1, 0), testing::HasSubstr("ask again"));
}

TEST(Proving, ReportsAreThereWhileTheirBlockIsInForce) {
  Harness subnet(keyed_params());
  subnet.blocks(10);
  Replica& replica = subnet.replica(0);
  EXPECT_TRUE(replica.reports_of(Height(10)).empty());
  EXPECT_EQ(replica.reports_of(Height(9)).size(), 4u);
  EXPECT_EQ(replica.reports_of(Height(6)).size(), 4u);
  EXPECT_TRUE(replica.reports_of(Height(5)).empty());
}

}  // namespace
}  // namespace icws::replica
