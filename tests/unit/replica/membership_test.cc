#include "replica/membership.h"

#include "agreement/delegated_rules.h"
#include "base/signature.h"
#include "proof/verify.h"
#include "replica/batches.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

using testing::HasSubstr;

SigningKey test_key(uint32_t number) { return SigningKey(sha256("seed " + std::to_string(number)).view()); }

ClusterParams keyed(uint32_t replicas) {
  ClusterParams params = test_params(replicas);
  for (uint32_t i = 0; i < replicas; ++i) params.replica_keys[i] = test_key(i).public_key();
  return params;
}

// `members`: (index, number of its key).
using Members = std::vector<std::pair<uint32_t, uint32_t>>;

Members same(std::initializer_list<uint32_t> indices) {
  Members out;
  for (const uint32_t index : indices) out.emplace_back(index, index);
  return out;
}

SignedSetChange change_to(const ReplicaSet& from, const Members& members, Height active_from,
                          const Members& signers, std::string_view chain = "test") {
  SignedSetChange out;
  out.change = {from.hash(), from.version + 1, active_from, {}};
  for (const auto& [index, key] : members)
    out.change.members.push_back({ReplicaIndex(index), test_key(key).public_key()});
  const Bytes bytes = agreement::set_change_sign_bytes(chain, out.change);
  for (const auto& [index, key] : signers)
    out.signatures.push_back({ReplicaIndex(index), test_key(key).sign(bytes)});
  return out;
}

Height height_of(Harness& subnet) { return subnet.replica(0).info().height; }

// Submits the change in the next block; it is active `ahead` blocks after it.
TransactionResult submit(Harness& subnet, const Members& members, const Members& signers,
                         uint64_t ahead = 2) {
  const Height next = height_of(subnet).next();
  const auto change = change_to(subnet.replica(0).newest_replicas(), members, next.next(ahead), signers);
  return subnet.block({.transactions = {encode_set_change(change)}}).results.at(0);
}

TEST(Membership, AChangeIsActiveAtItsHeight) {
  Harness subnet(keyed(4), 5);
  subnet.blocks(2);
  const Height at = height_of(subnet).next();
  const auto change =
      change_to(subnet.replica(0).newest_replicas(), same({0, 1, 2, 3, 4}), at.next(4), same({0, 1, 2}));
  EXPECT_TRUE(subnet.block({.transactions = {encode_set_change(change)}}).results.at(0).ok);
  subnet.blocks(3);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(subnet.replica(i).replicas_at(at.next(3)).version, 0u);
    EXPECT_EQ(subnet.replica(i).replicas_at(at.next(4)).version, 1u);
  }
}

TEST(Membership, RefusesWhatAQuorumHasNotSignedOrComesAtTheWrongTime) {
  Harness subnet(keyed(4));
  subnet.blocks(3);
  const auto refused = [&](const Members& members, const Members& signers, uint64_t ahead) {
    const TransactionResult result = submit(subnet, members, signers, ahead);
    EXPECT_FALSE(result.ok);
    return result.reply;
  };
  EXPECT_THAT(refused(same({0, 1, 2}), same({0, 1}), 2), HasSubstr("2 signatures, a quorum is 3"));
  EXPECT_THAT(refused(same({0, 1, 2}), {{0, 0}, {1, 1}, {2, 9}}, 2), HasSubstr("replica 2"));
  EXPECT_THAT(refused(same({0, 1, 2}), same({0, 1, 2}), 1), HasSubstr("too late"));
  EXPECT_THAT(refused(same({0, 1, 2}), same({0, 1, 2}), kSetChangeBlocksMax + 1), HasSubstr("more than"));
  EXPECT_THAT(refused(same({0, 1, 5}), same({0, 1, 2}), 2), HasSubstr("must have the index 4"));
  EXPECT_THAT(refused({}, same({0, 1, 2}), 2), HasSubstr("not 0"));
  EXPECT_TRUE(submit(subnet, same({0, 1, 2}), same({0, 1, 2}), kSetChangeBlocksMax).ok);
  EXPECT_THAT(refused(same({0, 1}), same({0, 1, 2}), 2), HasSubstr("another change waits"));
}

// What was signed once is good once, on its chain, after the set that it names.
TEST(Membership, AChangeCannotBeReplayedMovedOrTakenFromAnotherChain) {
  Harness subnet(keyed(4));
  subnet.blocks(2);
  const Height at = height_of(subnet).next();
  const auto run = [&](const SignedSetChange& change) {
    return subnet.block({.transactions = {encode_set_change(change)}}).results.at(0);
  };
  const ReplicaSet genesis = subnet.replica(0).newest_replicas();
  EXPECT_THAT(run(change_to(genesis, same({0, 1, 2}), at.next(9), same({0, 1, 2}), "other")).reply,
              HasSubstr("the signature of replica 0 is wrong"));
  const auto first = change_to(genesis, same({0, 1, 2}), at.next(3), same({0, 1, 2}));
  // The members sign two changes of one set: whichever runs first makes the other void.
  const auto rival = change_to(genesis, same({1, 2, 3}), at.next(9), same({1, 2, 3}));
  const auto second =
      change_to(*agreement::follow(genesis, first, "test"), same({0, 1}), at.next(60), same({0, 1, 2}));
  EXPECT_THAT(run(second).reply, HasSubstr("it is version 2, not 1"));
  subnet.blocks(1);
  EXPECT_THAT(run(first).reply, HasSubstr("too late"));
  EXPECT_TRUE(run(rival).ok);
  subnet.blocks(6);
  EXPECT_THAT(run(rival).reply, HasSubstr("too late"));
  EXPECT_THAT(run(second).reply, HasSubstr("it was made for another set"));
}

TEST(Membership, AnIndexIsNeverGivenTwice) {
  Harness subnet(keyed(4), 6);
  EXPECT_TRUE(submit(subnet, same({0, 1, 2, 3, 4}), same({0, 1, 2})).ok);
  subnet.blocks(3);
  EXPECT_TRUE(submit(subnet, same({0, 1, 2, 3}), same({0, 1, 2, 3})).ok);
  subnet.blocks(3);
  EXPECT_THAT(submit(subnet, same({0, 1, 2, 3, 4}), same({0, 1, 2})).reply,
              HasSubstr("must have the index 5"));
  EXPECT_TRUE(submit(subnet, {{0, 0}, {1, 1}, {2, 2}, {3, 3}, {5, 4}}, same({0, 1, 2})).ok);
}

// A connection keeps its committee while the set around it grows; the next epoch takes the new one.
TEST(Attack, S10_ACommitteeIsFixedForItsEpoch) {
  Harness subnet(keyed(4), 7);
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.reconnect = true;
  const ConnectionId id = subnet.open(arguments);
  for (size_t i = 0; i < 4; ++i) subnet.opens(i, id);
  subnet.until([&] { return subnet.view(id).state == "open"; });
  EXPECT_TRUE(submit(subnet, same({0, 1, 2, 3, 4, 5, 6}), same({0, 1, 2})).ok);
  subnet.blocks(4);
  EXPECT_EQ(subnet.replica(0).replicas_at(height_of(subnet)).members.size(), 7u);
  // Of seven a quorum is five, and four hold the connection: they go on by their own count.
  EXPECT_EQ(subnet.adapter(4).size(), 0u);
  for (size_t i = 0; i < 3; ++i) subnet.sees(i, id, "after the change");
  subnet.until([&] { return subnet.count("after the change") == 1; });
  EXPECT_EQ(subnet.count("after the change", 6), 1u);
  for (size_t i = 0; i < 4; ++i) subnet.closes(i, id, false);
  subnet.until([&] { return subnet.adapter(6).size() == 1; });
  for (const size_t i : {0, 3, 4, 5, 6}) subnet.opens(i, id);
  subnet.until([&] { return subnet.view(id).state == "open"; });
  EXPECT_EQ(subnet.view(id).epoch, Epoch(2));
}

TEST(Membership, MoreThanFLeavingEndsTheEpoch) {
  Harness subnet(keyed(7));
  OpenArguments arguments = test_open(Mode::Feed);
  const ConnectionId once = subnet.opened(arguments);
  arguments.reconnect = true;
  const ConnectionId again = subnet.opened(arguments);
  // Two of seven may fail; two leave, and the connections go on.
  EXPECT_TRUE(submit(subnet, same({0, 1, 2, 3, 4}), same({0, 1, 2, 3, 4})).ok);
  subnet.blocks(3);
  EXPECT_EQ(subnet.view(once).state, "open");
  EXPECT_TRUE(submit(subnet, same({0, 1, 2, 3}), same({0, 1, 2, 3})).ok);
  subnet.blocks(3);
  EXPECT_EQ(subnet.view(once).state, "closed");
  EXPECT_EQ(subnet.view(once).cause, transcript::Cause::Membership);
  EXPECT_EQ(subnet.view(again).state, "opening");
  EXPECT_EQ(subnet.view(again).epoch, Epoch(2));
  EXPECT_EQ(subnet.count("MEMBERSHIP"), 2u) << subnet.log();
  for (size_t i = 0; i < 3; ++i) subnet.opens(i, again);
  subnet.until([&] { return subnet.view(again).state == "open"; });
}

TEST(Membership, WhoLeftClosesItsSocketsAndIsNotHeard) {
  Harness subnet(keyed(4));
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  EXPECT_TRUE(submit(subnet, same({0, 1, 2}), same({0, 1, 2})).ok);
  subnet.blocks(3);
  EXPECT_EQ(subnet.view(id).state, "open");
  EXPECT_EQ(subnet.adapter(3).size(), 0u);
  // Its reports go on coming; a proposer leaves them out.
  const uint64_t pruned = subnet.replica(0).metrics().reports_pruned;
  subnet.block({.proposer = 0});
  EXPECT_GT(subnet.replica(0).metrics().reports_pruned, pruned);
  for (size_t i = 0; i < 3; ++i) subnet.sees(i, id, "without it");
  subnet.until([&] { return subnet.count("without it") == 1; });
}

// It was down while the set changed: it finds out from the blocks that it replays.
TEST(Membership, WhoLeftWhileItWasDownClosesItsSocketsWhenItIsBack) {
  Harness subnet(keyed(4));
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.crash(3);
  EXPECT_TRUE(submit(subnet, same({0, 1, 2}), same({0, 1, 2})).ok);
  subnet.blocks(10);
  EXPECT_EQ(subnet.adapter(3).size(), 1u);
  subnet.start(3);
  EXPECT_EQ(subnet.adapter(3).size(), 0u);
  EXPECT_EQ(subnet.view(id).state, "open");
}

// A node that replays the blocks from before it came in must not close what it has opened since.
TEST(Membership, WhoCameInAndLostItsStateKeepsItsSockets) {
  Harness subnet(keyed(4), 5);
  EXPECT_TRUE(submit(subnet, same({0, 1, 2, 3, 4}), same({0, 1, 2})).ok);
  subnet.blocks(3);
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  EXPECT_EQ(subnet.adapter(4).size(), 1u);
  subnet.crash(4);
  subnet.wipe(4);
  subnet.start(4);
  EXPECT_EQ(subnet.adapter(4).size(), 1u);
  subnet.blocks(3);
  EXPECT_EQ(subnet.adapter(4).size(), 1u);
  EXPECT_EQ(subnet.view(id, 4).socket, "live");
}

class DelegatedMembership : public testing::Test {
 protected:
  DelegatedMembership() {
    OpenArguments arguments = test_open(Mode::Delegated);
    arguments.message_bytes_max = 100'000;
    arguments.delegated = DelegatedSettings{Milliseconds(4'000)};
    id_ = subnet_.open(arguments);
    subnet_.opens(owner(), id_);
    subnet_.until([&] { return subnet_.view(id_).state == "open"; });
  }
  uint32_t owner() {
    const Connection& record = subnet_.replica(0).state().connections.at(id_).record;
    return agreement::delegated_owner(id_, record.agreement.epoch, record.agreement.committee).value;
  }
  // All of five but one.
  static Members all_but(uint32_t one) {
    Members out;
    for (uint32_t i = 0; i < 5; ++i) {
      if (i != one) out.emplace_back(i, i);
    }
    return out;
  }

  Harness subnet_{keyed(5)};
  ConnectionId id_;
};

TEST_F(DelegatedMembership, AnOwnerThatLeavesHandsOverAtOnce) {
  const uint32_t first = owner();
  std::optional<transcript::Handover> told;
  subnet_.hooks().data = [&](CanisterContext&, const DataCall& call) {
    for (const DataEntry& entry : call.entries) {
      if (entry.kind == DataEntry::Kind::Handover) told = entry.handover;
    }
  };
  subnet_.sees(first, id_, "last words");
  EXPECT_TRUE(submit(subnet_, all_but(first), all_but(first)).ok);
  subnet_.blocks(3);
  EXPECT_EQ(subnet_.view(id_).epoch, Epoch(2));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->from, first);
  EXPECT_EQ(told->to, owner());
  EXPECT_EQ(told->cause, transcript::Cause::Membership);
  EXPECT_EQ(subnet_.count("last words"), 1u);
  EXPECT_NE(owner(), first);
  EXPECT_EQ(subnet_.adapter(first).size(), 0u);
  subnet_.opens(owner(), id_);
  subnet_.sees(owner(), id_, "first words");
  subnet_.until([&] { return subnet_.count("first words") == 1; });
}

TEST_F(DelegatedMembership, AMemberThatDoesNotOwnLeavesUnnoticed) {
  const uint32_t other = (owner() + 1) % 5;
  EXPECT_TRUE(submit(subnet_, all_but(other), all_but(other)).ok);
  subnet_.blocks(4);
  EXPECT_EQ(subnet_.view(id_).epoch, Epoch(1));
  EXPECT_EQ(subnet_.view(id_).state, "open");
}

TEST_F(DelegatedMembership, AnOwnersNewKeySignsFromItsHeightOn) {
  const uint32_t self = owner();
  Members rotated = all_but(self);
  rotated.emplace_back(self, 50);
  std::ranges::sort(rotated);
  EXPECT_TRUE(submit(subnet_, rotated, all_but(self)).ok);
  // Two blocks between: the last one before the height, and the first one at it.
  for (const uint32_t number : {self, 50u}) {
    subnet_.blocks(1);
    subnet_.sees(self, id_, "with key " + std::to_string(number) + ".");
    subnet_.blocks(1);
  }
  subnet_.blocks(2);
  EXPECT_EQ(subnet_.view(id_).epoch, Epoch(1));
  for (const uint32_t number : {self, 50u})
    EXPECT_EQ(subnet_.count("with key " + std::to_string(number) + "."), 1u);
  subnet_.sees(self, id_, "stolen");
  subnet_.block({.silent = {self}});
  const Bytes batch = subnet_.replica(self).batches().at(0);
  const Bytes message = agreement::batch_sign_bytes("test", batch);
  const Bytes old = HashVerifier::sign_batch(ReplicaIndex(self), message, test_key(self).public_key());
  const auto result =
      subnet_.block({.transactions = {encode_batch_transaction({batch, old})}, .silent = {self}});
  EXPECT_EQ(result.results.at(0).reply, "the batch is void: the signature is not its owner's");
}

// The sections of who left stay in force for W blocks, those of the height before the boundary arrive after
// it.
TEST(Membership, ADecisionUnderWayIsNotDisturbed) {
  for (uint64_t ahead = 2; ahead <= 6; ++ahead) {
    Harness subnet(keyed(4));
    const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
    EXPECT_TRUE(submit(subnet, same({0, 1, 2}), same({0, 1, 2}), ahead).ok);
    for (int i = 0; i < 8; ++i) {
      for (size_t replica = 0; replica < 3; ++replica)
        subnet.sees(replica, id, "message " + std::to_string(i));
      subnet.blocks(1);
    }
    subnet.until([&] { return subnet.count("message") == 8; });
    EXPECT_EQ(subnet.view(id).state, "open");
  }
}

TEST(Membership, AKeyIsRotatedInPlace) {
  Harness subnet(keyed(4));
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  EXPECT_TRUE(submit(subnet, {{0, 0}, {1, 1}, {2, 50}, {3, 3}}, same({0, 1, 3})).ok);
  subnet.blocks(3);
  EXPECT_EQ(subnet.view(id).state, "open");
  EXPECT_EQ(subnet.replica(1).newest_replicas().find(ReplicaIndex(2))->public_key, test_key(50).public_key());
  // The old key signs no further change.
  EXPECT_FALSE(submit(subnet, same({0, 1, 2}), same({0, 1, 2})).ok);
  EXPECT_TRUE(submit(subnet, same({0, 1, 2}), {{0, 0}, {1, 1}, {2, 50}}).ok);
}

TEST(Membership, FourBecomeSevenAndFourAgainAndACertificateFollows) {
  Harness subnet(keyed(4), 8);
  const ConnectionId id = subnet.open(test_open(Mode::Ordered));
  for (size_t i = 0; i < 4; ++i) subnet.opens(i, id);
  subnet.until([&] { return subnet.view(id).state == "open"; });
  EXPECT_TRUE(submit(subnet, same({0, 1, 2, 3, 4, 5, 6}), same({0, 1, 2})).ok);
  subnet.blocks(3);
  EXPECT_TRUE(submit(subnet, same({3, 4, 5, 6}), same({1, 2, 3, 4, 5})).ok);
  subnet.blocks(3);
  EXPECT_EQ(subnet.view(id).cause, transcript::Cause::Membership);
  auto certificate = subnet.replica(5).prove(id, EntrySequence(1), EntrySequence(0));
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(certificate->changes.size(), 2u);
  subnet.blocks(3);
  for (proof::Certificate::Report& report : subnet.replica(5).reports_of(certificate->height)) {
    report.signature = test_key(report.member.value)
                           .sign(proof::local_sign_bytes("test", certificate->height, report.report));
    certificate->reports.push_back(report);
  }
  const proof::Trusted genesis{"test", agreement::genesis_replicas(subnet.params().replica_keys)};
  const auto verified = proof::verify(*certificate, genesis);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->replicas.version, 2u);
  EXPECT_EQ(verified->signers.front(), ReplicaIndex(3));
}

TEST(Membership, SurvivesARestart) {
  Harness subnet(keyed(4), 5);
  EXPECT_TRUE(submit(subnet, same({0, 1, 2, 3, 4}), same({0, 1, 2}), 4).ok);
  subnet.crash(3);
  subnet.start(3);
  subnet.blocks(6);
  subnet.crash(3);
  subnet.start(3);
  EXPECT_EQ(subnet.replica(3).newest_replicas(), subnet.replica(0).newest_replicas());
}

}  // namespace
}  // namespace icws::replica
