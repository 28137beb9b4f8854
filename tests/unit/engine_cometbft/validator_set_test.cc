#include "engine/cometbft/validator_set.h"

#include <gtest/gtest.h>

namespace icws::engine {
namespace {

using agreement::ReplicaSet;

Bytes key(char name) { return Bytes(32, name); }

ReplicaSet set_of(uint64_t version, uint64_t active_from,
                  const std::vector<std::pair<uint32_t, char>>& members) {
  ReplicaSet out{version, Height(active_from), ReplicaIndex(9), {}};
  for (const auto& [index, name] : members) out.members.push_back({ReplicaIndex(index), key(name)});
  return out;
}

TEST(ValidatorSet, QuorumIsThatOfTheAgreement) {
  for (size_t n = 1; n <= agreement::kReplicasMax; ++n) {
    std::vector<Bytes> keys;
    for (size_t i = 0; i < n; ++i) keys.push_back(key(static_cast<char>(i)));
    const ReplicaSet set = agreement::genesis_replicas(keys);
    EXPECT_EQ(ValidatorSet(set).quorum(), set.quorum().q()) << n;
  }
}

TEST(ValidatorSet, FindsByAddressOnly) {
  const ValidatorSet set(set_of(0, 0, {{0, 'a'}, {7, 'b'}}));
  EXPECT_EQ(set.find(validator_address(key('b'))), ReplicaIndex(7));
  EXPECT_EQ(validator_address(key('b')).size(), 20u);
  EXPECT_EQ(set.find(key('b')), std::nullopt);
  EXPECT_EQ(set.find({}), std::nullopt);
}

TEST(ValidatorSet, HasTheKeysOfItsMembersOnly) {
  const SigningKey signer(Bytes(32, 's'));
  const ReplicaSet replicas{0, Height(0), ReplicaIndex(6), {{ReplicaIndex(5), signer.public_key()}}};
  const ValidatorSet set(replicas);
  ASSERT_NE(set.key(ReplicaIndex(5)), nullptr);
  EXPECT_TRUE(set.key(ReplicaIndex(5))->verify("message", signer.sign("message")));
  EXPECT_EQ(set.key(ReplicaIndex(0)), nullptr);
}

TEST(ValidatorSets, EachHeightHasItsOwn) {
  const ValidatorSets sets({set_of(1, 10, {{0, 'a'}, {1, 'b'}}), set_of(2, 20, {{0, 'a'}, {2, 'c'}})});
  const Bytes leaver = validator_address(key('b'));
  const Bytes newcomer = validator_address(key('c'));
  EXPECT_EQ(sets.at(Height(19)).find(leaver), ReplicaIndex(1));
  EXPECT_EQ(sets.at(Height(19)).find(newcomer), std::nullopt);
  EXPECT_EQ(sets.at(Height(20)).find(leaver), std::nullopt);
  EXPECT_EQ(sets.at(Height(20)).find(newcomer), ReplicaIndex(2));
}

TEST(ValidatorSets, NamesByTheSetOfTheHeightFirst) {
  // The key went from one replica to another.
  const ValidatorSets sets({set_of(1, 10, {{0, 'a'}, {1, 'b'}}), set_of(2, 20, {{0, 'b'}, {1, 'c'}})});
  EXPECT_EQ(sets.name(validator_address(key('b')), Height(15)), ReplicaIndex(1));
  EXPECT_EQ(sets.name(validator_address(key('b')), Height(25)), ReplicaIndex(0));
  EXPECT_EQ(sets.name(validator_address(key('a')), Height(25)), ReplicaIndex(0)) << "of another height";
  EXPECT_EQ(sets.name(validator_address(key('x')), Height(15)), std::nullopt);
}

TEST(ValidatorUpdates, AreTheDifferenceInOrder) {
  const ReplicaSet before = set_of(1, 10, {{0, 'd'}, {1, 'b'}, {2, 'c'}});
  const ReplicaSet after = set_of(2, 20, {{1, 'b'}, {2, 'f'}, {3, 'e'}});
  const std::vector<ValidatorUpdate> expected = {
      {key('c'), 0}, {key('d'), 0}, {key('e'), kVotingPower}, {key('f'), kVotingPower}};
  EXPECT_EQ(validator_updates(before, after), expected);
  EXPECT_TRUE(validator_updates(before, before).empty());
}

TEST(ValidatorUpdates, AKeyThatGoesFromOneReplicaToAnotherIsNone) {
  EXPECT_TRUE(
      validator_updates(set_of(1, 10, {{0, 'a'}, {1, 'b'}}), set_of(2, 20, {{0, 'b'}, {1, 'a'}})).empty());
}

}  // namespace
}  // namespace icws::engine
