#include "proof/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/proof/proof_fixture.h"

namespace icws::proof {
namespace {

using testing::HasSubstr;

// The fault that `verify` names; fails if it finds none.
Fault fault_of(const Certificate& certificate, const Trusted& trusted) {
  const auto verified = verify(certificate, trusted);
  EXPECT_FALSE(verified.has_value());
  return verified ? Fault{} : verified.error();
}

// As above, with the words that say where.
void expect_fault(const Certificate& certificate, const TestChain& chain, FaultKind kind,
                  const std::string& where) {
  const Fault fault = fault_of(certificate, chain.trusted());
  EXPECT_EQ(fault_name(fault.kind), fault_name(kind)) << fault.message;
  EXPECT_THAT(fault.message, HasSubstr(where));
}

TEST(Verify, AcceptsAnyRange) {
  const TestChain chain(10);
  for (uint64_t first = 1; first <= 10; ++first) {
    for (uint64_t last = first; last <= 10; ++last) {
      const auto verified = verify(chain.certificate(first, last), chain.trusted());
      ASSERT_TRUE(verified) << verified.error().message;
      ASSERT_EQ(verified->entries.size(), last - first + 1);
      for (uint64_t i = first; i <= last; ++i) EXPECT_EQ(verified->entries[i - first], test_entry(i));
      EXPECT_EQ(verified->last_entry, EntrySequence(10));
      EXPECT_EQ(verified->height, Height(42));
      EXPECT_EQ(verified->app_hash, chain.app_hash);
      EXPECT_EQ(verified->signers.size(), 2u);
    }
  }
}

TEST(Verify, AcceptsCometBftsSignBytes) {
  const TestChain chain(10, SignatureScheme::CometBft);
  const auto verified = verify(chain.certificate(3, 5), chain.trusted());
  EXPECT_TRUE(verified) << verified.error().message;
  Certificate other = chain.certificate(3, 5);
  other.scheme = SignatureScheme::Local;
  expect_fault(other, chain, FaultKind::WrongSignature, "replica 0");
}

// Whatever byte is changed, and however: it is found, with a name and a place.
TEST(Verify, FindsEveryChangedByte) {
  for (const SignatureScheme scheme : {SignatureScheme::Local, SignatureScheme::CometBft}) {
    TestChain chain(6, scheme);
    chain.hand_over({chain.change(chain.trusted().replicas, Height(30), {{0, 0}, {1, 1}, {4, 4}},
                                  {{0, 0}, {1, 1}, {2, 2}})});
    const Certificate certificate = chain.certificate(2, 4);
    const Bytes good = encode_certificate(certificate);
    ASSERT_TRUE(verify(*decode_certificate(good), chain.trusted()));
    for (size_t at = 0; at < good.size(); ++at) {
      for (const uint8_t flip : {0x01, 0x80}) {
        Bytes bad = good;
        bad[at] = static_cast<char>(bad[at] ^ flip);
        const auto decoded = decode_certificate(bad);
        if (!decoded) {
          EXPECT_FALSE(decoded.error().message.empty());
          continue;
        }
        const Fault fault = fault_of(*decoded, chain.trusted());
        EXPECT_FALSE(fault.message.empty()) << "byte " << at;
      }
    }
  }
}

TEST(Verify, FindsEveryCutAndEveryAddedByte) {
  const TestChain chain(6);
  const Bytes good = encode_certificate(chain.certificate(2, 4));
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_certificate(BytesView(good).substr(0, size))) << size;
  EXPECT_THAT(decode_certificate(good + "x").error().message, HasSubstr("behind its end"));
}

TEST(Verify, NamesTheChangedEntry) {
  const TestChain chain(10);
  for (size_t i = 0; i < 4; ++i) {
    Certificate bad = chain.certificate(3, 6);
    bad.entries[i].back() ^= 1;
    expect_fault(bad, chain, FaultKind::ChangedEntry, "entry " + std::to_string(3 + i));
  }
}

TEST(Verify, NamesADroppedAnAddedAndAMovedEntry) {
  const TestChain chain(10);
  const Certificate good = chain.certificate(3, 6);
  for (size_t i = 0; i < 3; ++i) {
    Certificate bad = good;
    bad.entries.erase(bad.entries.begin() + static_cast<ptrdiff_t>(i));
    expect_fault(bad, chain, FaultKind::MissingEntry, "entry " + std::to_string(3 + i) + " is missing");
    bad.links.erase(bad.links.begin() + static_cast<ptrdiff_t>(i));
    expect_fault(bad, chain, FaultKind::MissingEntry, "entry " + std::to_string(3 + i) + " is missing");
    bad = good;
    std::swap(bad.entries[i], bad.entries[i + 1]);
    expect_fault(bad, chain, FaultKind::MissingEntry, "entry " + std::to_string(3 + i));
    std::swap(bad.links[i], bad.links[i + 1]);
    expect_fault(bad, chain, FaultKind::MissingEntry, "entry " + std::to_string(3 + i));
    bad = good;
    bad.entries.insert(bad.entries.begin() + static_cast<ptrdiff_t>(i) + 1, bad.entries[i]);
    expect_fault(bad, chain, FaultKind::ExtraEntry, "entry " + std::to_string(3 + i));
  }
  // An entry that the replicas never agreed on, at the transcript's end.
  Certificate longer = chain.certificate(3, 10);
  longer.entries.push_back(transcript::encode(test_entry(11)));
  expect_fault(longer, chain, FaultKind::ExtraEntry, "entry 11");
  longer.links.push_back(transcript::entry_digest(longer.entries.back()));
  expect_fault(longer, chain, FaultKind::WrongHead, "entry 3");
  longer.head = transcript::transcript_next(longer.head, longer.links.back());
  expect_fault(longer, chain, FaultKind::WrongProof, "Merkle proof");
}

TEST(Verify, ATranscriptsEndCannotBeCutOff) {
  const TestChain chain(10);
  Certificate bad = chain.certificate(3, 9);
  bad.links.pop_back();
  expect_fault(bad, chain, FaultKind::WrongHead, "the links do not lead");
  bad.head = bad.previous;
  for (const Digest& link : bad.links) bad.head = transcript::transcript_next(bad.head, link);
  expect_fault(bad, chain, FaultKind::WrongProof, "Merkle proof");
}

TEST(Verify, ATranscriptsBeginningCannotBeInvented) {
  const TestChain chain(10);
  Certificate bad = chain.certificate(1, 5);
  bad.previous.bytes[0] ^= 1;
  expect_fault(bad, chain, FaultKind::WrongStart, "connection 7");
  bad = chain.certificate(1, 5);
  bad.from = EntrySequence(0);
  EXPECT_FALSE(verify(bad, chain.trusted()));
  bad = chain.certificate(1, 5);
  bad.connection = ConnectionId(8);
  expect_fault(bad, chain, FaultKind::WrongStart, "connection 8");
  bad = chain.certificate(2, 5);
  bad.connection = ConnectionId(8);
  expect_fault(bad, chain, FaultKind::WrongProof, "Merkle proof");
}

TEST(Verify, OfNothingIsNothing) {
  const TestChain chain(3);
  Certificate bad = chain.certificate(2, 3);
  bad.entries.clear();
  expect_fault(bad, chain, FaultKind::NoEntries, "no entries");
}

TEST(Verify, TakesMoreThanFReplicas) {
  const TestChain chain(10);
  expect_fault(chain.certificate(3, 6, {}), chain, FaultKind::TooFewReports, "it takes 2");
  expect_fault(chain.certificate(3, 6, {2}), chain, FaultKind::TooFewReports, "it takes 2");
  EXPECT_TRUE(verify(chain.certificate(3, 6, {1, 3}), chain.trusted()));
  EXPECT_TRUE(verify(chain.certificate(3, 6, {0, 1, 2, 3}), chain.trusted()));
}

TEST(Verify, OneReplicaIsOneVote) {
  const TestChain chain(10);
  Certificate bad = chain.certificate(3, 6, {2});
  bad.reports.push_back(bad.reports.front());
  expect_fault(bad, chain, FaultKind::UnknownMember, "replica 2");
}

TEST(Verify, NamesAForeignSignature) {
  const TestChain chain(10);
  Certificate bad = chain.certificate(3, 6);
  bad.reports[1] = chain.report(1, 99, chain.app_hash);
  expect_fault(bad, chain, FaultKind::WrongSignature, "replica 1");
  // Another member's key does not do, either.
  bad.reports[1] = chain.report(1, 2, chain.app_hash);
  expect_fault(bad, chain, FaultKind::WrongSignature, "replica 1");
  bad.reports[1] = chain.report(4, 4, chain.app_hash);
  expect_fault(bad, chain, FaultKind::UnknownMember, "replica 4");
  // A surplus one must be good as well.
  bad = chain.certificate(3, 6, {0, 1, 2});
  bad.reports[2].signature.clear();
  expect_fault(bad, chain, FaultKind::WrongSignature, "replica 2");
}

TEST(Verify, NamesAReportOfAnotherState) {
  const TestChain chain(10);
  Certificate bad = chain.certificate(3, 6, {0, 1, 2});
  bad.reports[1] = chain.report(1, 1, sha256("another state"));
  expect_fault(bad, chain, FaultKind::WrongAppHash, "replica 1");
  bad = chain.certificate(3, 6);
  bad.reports[1] = chain.report(1, 1, chain.app_hash, Height(43));
  expect_fault(bad, chain, FaultKind::WrongSignature, "replica 1");
  bad = chain.certificate(3, 6);
  bad.reports[1] = chain.report(1, 1, chain.app_hash, Height(42), "other");
  expect_fault(bad, chain, FaultKind::WrongSignature, "replica 1");
}

TEST(Verify, RefusesAnotherChain) {
  const TestChain chain(10);
  Trusted other = chain.trusted();
  other.chain_id = "other";
  EXPECT_EQ(fault_of(chain.certificate(3, 6), other).kind, FaultKind::WrongChain);
  // The chain id of the certificate follows; then the reports are of another one.
  Certificate renamed = chain.certificate(3, 6);
  renamed.chain_id = "other";
  EXPECT_EQ(fault_of(renamed, other).kind, FaultKind::WrongSignature);
}

// 4 replicas hand over to 7, these rotate a key and go back to 4: the whole way is followed.
class VerifyHandOver : public testing::Test {
 protected:
  VerifyHandOver() {
    seven_ = chain_.change(genesis_, Height(10), {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}},
                           {{0, 0}, {1, 1}, {3, 3}});
    second_ = *agreement::follow(genesis_, seven_, "chain");
    four_ = chain_.change(second_, Height(42), {{1, 100}, {4, 4}, {5, 5}, {6, 6}},
                          {{0, 0}, {1, 1}, {2, 2}, {4, 4}, {6, 6}});
    chain_.hand_over({seven_, four_});
    good_ = chain_.certificate(3, 6, {});
    good_.reports = {chain_.report(1, 100, chain_.app_hash), chain_.report(5, 5, chain_.app_hash)};
  }

  TestChain chain_{10};
  const agreement::ReplicaSet genesis_ = chain_.trusted().replicas;
  agreement::SignedSetChange seven_, four_;
  agreement::ReplicaSet second_;
  Certificate good_;
};

TEST_F(VerifyHandOver, FollowsTheReplicaSet) {
  EXPECT_EQ(second_.next_index, ReplicaIndex(7));
  const auto verified = verify(good_, chain_.trusted());
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->replicas.version, 2u);
  // From a set that the verifier trusts already.
  EXPECT_TRUE(verify(good_, Trusted{"chain", second_}));
  // One that speaks later cannot vouch for earlier heights.
  const Trusted too_late{"chain", *agreement::follow(second_, four_, "chain")};
  EXPECT_EQ(fault_of(good_, too_late).kind, FaultKind::SetChange);
}

TEST_F(VerifyHandOver, OnlyTheSetOfItsHeightSpeaks) {
  Certificate bad = good_;
  bad.reports[0] = chain_.report(1, 1, chain_.app_hash);
  expect_fault(bad, chain_, FaultKind::WrongSignature, "replica 1");
  bad.reports = {chain_.report(0, 0, chain_.app_hash), chain_.report(2, 2, chain_.app_hash)};
  expect_fault(bad, chain_, FaultKind::UnknownMember, "replica 0");
}

TEST_F(VerifyHandOver, NamesADroppedChange) {
  Certificate bad = good_;
  bad.changes.pop_back();
  expect_fault(bad, chain_, FaultKind::SetChange, "change 2 of the replica set is missing");
  bad = good_;
  bad.changes.erase(bad.changes.begin());
  expect_fault(bad, chain_, FaultKind::SetChange, "change 2 of the replica set stands in the place of 1");
  bad.changes.clear();
  expect_fault(bad, chain_, FaultKind::SetChange, "change 1 of the replica set is missing");
}

// Who has left, and now lies, drops the change with which he left, and what would tell of it.
TEST_F(VerifyHandOver, WhoHasLeftCannotHideIt) {
  Certificate bad = good_;
  bad.changes.pop_back();
  bad.sets = {second_};
  bad.reports.clear();
  for (const uint32_t member : {0, 2, 3})
    bad.reports.push_back(chain_.report(member, member, chain_.app_hash));
  expect_fault(bad, chain_, FaultKind::WrongProof, "a change of the set was left out");
}

TEST_F(VerifyHandOver, NamesAForgedOrMovedChange) {
  Certificate bad = good_;
  std::swap(bad.changes[0], bad.changes[1]);
  expect_fault(bad, chain_, FaultKind::SetChange, "change 2 of the replica set stands in the place of 1");
  bad = good_;
  bad.changes[1].signatures.pop_back();
  expect_fault(bad, chain_, FaultKind::SetChange, "4 signatures, a quorum is 5");
  bad = good_;
  bad.changes[1].change.active_from = Height(43);
  expect_fault(bad, chain_, FaultKind::SetChange, "change 2 of the replica set: the signature of replica 0");
  // Signed by those who stay and by those to come.
  bad = good_;
  bad.changes[1] = chain_.change(second_, Height(42), {{1, 100}, {4, 4}, {5, 5}, {6, 6}},
                                 {{1, 100}, {2, 2}, {4, 4}, {5, 5}, {6, 6}});
  expect_fault(bad, chain_, FaultKind::SetChange, "change 2 of the replica set: the signature of replica 1");
}

TEST_F(VerifyHandOver, NamesAChangeThatTheStateDoesNotHave) {
  // Two changes of one set, both signed by a quorum: only one ran.
  Certificate bad = good_;
  bad.changes[1] =
      chain_.change(second_, Height(42), {{0, 0}, {1, 1}}, {{0, 0}, {1, 1}, {2, 2}, {4, 4}, {6, 6}});
  expect_fault(bad, chain_, FaultKind::SetChange, "change 2 of the replica set does not lead");
  bad = good_;
  bad.changes.push_back(chain_.change(*agreement::follow(second_, four_, "chain"), Height(50), {{1, 100}},
                                      {{1, 100}, {4, 4}, {5, 5}}));
  expect_fault(bad, chain_, FaultKind::SetChange, "change 3 of the replica set is surplus");
}

TEST(Verify, ASetSpeaksFromItsHeightOn) {
  TestChain chain(10);
  const auto to_four = [&](Height height) {
    return chain.change(chain.trusted().replicas, height, {{4, 4}}, {{0, 0}, {1, 1}, {2, 2}});
  };
  chain.hand_over({to_four(Height(43))});
  EXPECT_TRUE(verify(chain.certificate(3, 6, {0, 1}), chain.trusted()));
  chain.hand_over({to_four(Height(42))});
  expect_fault(chain.certificate(3, 6, {0, 1}), chain, FaultKind::UnknownMember, "replica 0");
}

}  // namespace
}  // namespace icws::proof
