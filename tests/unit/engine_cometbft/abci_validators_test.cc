// Validators follow the replica set: what the node is told, and whose votes and envelopes count at which
// height.
#include <gmock/gmock.h>

#include "engine/cometbft/abci_application.h"
#include "tests/unit/engine_cometbft/abci_chain.h"

namespace icws::engine {
namespace {

using testing::Contains;
using testing::HasSubstr;

class AbciValidatorsTest : public testing::Test {
 protected:
  static constexpr size_t kNewcomer = AbciChain::kNewcomer;
  static constexpr size_t kFreshKey = AbciChain::kFreshKey;
  const AbciChain::Members kFive{{0, 0}, {1, 1}, {2, 2}, {3, 3}, {4, kNewcomer}};
  const AbciChain::Members kWithoutThree{{0, 0}, {1, 1}, {2, 2}};

  void SetUp() override { blocks_to(3); }
  // An honest proposer's blocks, which everyone accepts, up to this height.
  void blocks_to(int64_t height, const std::vector<std::string>& mempool = {}) {
    while (chain_.height() < height) {
      const auto proposal = chain_.propose(static_cast<size_t>(chain_.height() % 3), mempool);
      for (size_t i = 0; i < AbciChain::kNodes; ++i) {
        ASSERT_TRUE(chain_.accepts(i, proposal)) << i << " at " << chain_.next();
      }
      chain_.decide(proposal);
    }
  }
  // In the next block.
  void change(const AbciChain::Members& members, int64_t active_from) {
    const auto proposal = chain_.propose(1, {chain_.change(0, members, active_from)});
    ASSERT_EQ(proposal.txs.size(), 2u);
    ASSERT_TRUE(chain_.accepts(0, proposal));
    ASSERT_EQ(chain_.decide(proposal).tx_results(1).code(), 0u);
  }
  std::vector<int64_t> heights_with_updates() const {
    std::vector<int64_t> out;
    for (size_t i = 0; i < chain_.results().size(); ++i) {
      if (chain_.results()[i].validator_updates_size() > 0) out.push_back(static_cast<int64_t>(i) + 1);
    }
    return out;
  }

  AbciChain chain_;
};

TEST_F(AbciValidatorsTest, TheNodeIsToldTwoHeightsBeforeAndNeverAgain) {
  change(kFive, 10);
  blocks_to(9);
  EXPECT_EQ(heights_with_updates(), std::vector<int64_t>{8});
  EXPECT_EQ(chain_.validators(), (std::set<size_t>{0, 1, 2, 3, kNewcomer}));
  blocks_to(15);
  EXPECT_EQ(heights_with_updates(), std::vector<int64_t>{8});
}

TEST_F(AbciValidatorsTest, TheEarliestChangeActsWithItsOwnBlock) {
  change(kWithoutThree, chain_.next() + 2);
  blocks_to(10);
  EXPECT_EQ(heights_with_updates(), std::vector<int64_t>{4});
  EXPECT_EQ(chain_.validators(), (std::set<size_t>{0, 1, 2}));
}

TEST_F(AbciValidatorsTest, ARotatedKeyGoesAndComesAtOnce) {
  change({{0, 0}, {1, 1}, {2, kFreshKey}, {3, 3}}, 10);
  blocks_to(14);
  EXPECT_EQ(heights_with_updates(), std::vector<int64_t>{8});
  EXPECT_EQ(chain_.results()[7].validator_updates_size(), 2);
  EXPECT_EQ(chain_.results()[7].validator_updates(0).power(), 0);
  EXPECT_EQ(chain_.validators(), (std::set<size_t>{0, 1, 3, kFreshKey}));
}

TEST_F(AbciValidatorsTest, OneJoinsAndOneLeavesOneAfterTheOther) {
  change(kFive, 7);
  blocks_to(8);
  change({{0, 0}, {1, 1}, {2, 2}, {4, kNewcomer}}, 12);
  blocks_to(16);
  EXPECT_EQ(heights_with_updates(), (std::vector<int64_t>{5, 10}));
  EXPECT_EQ(chain_.validators(), (std::set<size_t>{0, 1, 2, kNewcomer}));
  EXPECT_EQ(chain_.host(0).replica_sets().size(), 1u);
}

TEST_F(AbciValidatorsTest, AReplayTellsTheSame) {
  change(kFive, 7);
  blocks_to(8);
  change({{0, kFreshKey}, {1, 1}, {4, kNewcomer}}, 12);
  blocks_to(10);
  const auto again = chain_.replay();
  ASSERT_EQ(again.size(), chain_.results().size());
  for (size_t i = 0; i < again.size(); ++i) {
    EXPECT_EQ(again[i].SerializeAsString(), chain_.results()[i].SerializeAsString()) << "block " << i + 1;
  }
}

// The node goes away between FinalizeBlock and Commit, and replays the block to a new life of the
// application.
TEST_F(AbciValidatorsTest, ABlockThatIsFinalizedAgainTellsTheSame) {
  change(kFive, 7);
  const auto proposal = chain_.propose(1);
  abci::Request request;
  auto& finalize = *request.mutable_finalize_block();
  finalize.set_height(chain_.next());
  finalize.mutable_time()->set_seconds(chain_.next());
  for (const auto& tx : proposal.txs) finalize.add_txs(tx);
  ASSERT_EQ(chain_.next(), 5);
  const auto first = chain_.ask(0, request).finalize_block();
  EXPECT_EQ(first.validator_updates_size(), 1);
  chain_.restart(0);
  EXPECT_EQ(chain_.ask(0, request).finalize_block().SerializeAsString(), first.SerializeAsString());
}

TEST_F(AbciValidatorsTest, VotesCountByTheSetOfTheirOwnHeight) {
  change({{0, 0}, {1, 1}, {2, 2}, {4, kNewcomer}}, 8);
  blocks_to(7);
  // Block 8 has the votes of height 7: the last ones of replica 3, none of replica 4.
  EXPECT_NO_THROW(chain_.vote(3));
  EXPECT_THROW(chain_.vote(kNewcomer), std::runtime_error);
  auto proposal = chain_.propose(1);
  EXPECT_TRUE(chain_.accepts(0, proposal));
  auto& stranger = *proposal.last_commit.add_votes();
  stranger.mutable_validator()->set_address(
      validator_address(SigningKey(Bytes(32, static_cast<char>('a' + kNewcomer))).public_key()));
  stranger.set_block_id_flag(abci::BLOCK_ID_FLAG_COMMIT);
  EXPECT_FALSE(chain_.accepts(0, proposal)) << "a vote before its time";
  blocks_to(8);
  EXPECT_NO_THROW(chain_.vote(kNewcomer));
  EXPECT_THROW(chain_.vote(3), std::runtime_error);
  proposal = chain_.propose(1);
  EXPECT_TRUE(chain_.accepts(0, proposal));
  auto& gone = *proposal.last_commit.add_votes();
  gone.mutable_validator()->set_address(validator_address(chain_.params().replica_keys[3]));
  gone.set_block_id_flag(abci::BLOCK_ID_FLAG_ABSENT);
  EXPECT_FALSE(chain_.accepts(0, proposal)) << "a vote of who has left";
}

TEST_F(AbciValidatorsTest, AnExtensionIsVerifiedByTheSetOfItsHeight) {
  change({{0, 0}, {1, 1}, {2, kFreshKey}}, 8);
  blocks_to(7);
  const auto verdict = [&](const Bytes& key) {
    abci::Request extend;
    extend.mutable_extend_vote()->set_height(chain_.next());
    abci::Request request;
    auto& verify = *request.mutable_verify_vote_extension();
    verify.set_height(chain_.next());
    verify.set_validator_address(validator_address(key));
    verify.set_vote_extension(chain_.ask(2, extend).extend_vote().vote_extension());
    return chain_.ask(0, request).verify_vote_extension().status() ==
           abci::VerifyVoteExtensionResponse::STATUS_ACCEPT;
  };
  EXPECT_TRUE(verdict(chain_.params().replica_keys[1]));
  EXPECT_FALSE(verdict(chain_.params().replica_keys[2])) << "the key before";
  EXPECT_FALSE(verdict(chain_.params().replica_keys[3])) << "has left";
  EXPECT_TRUE(verdict(SigningKey(Bytes(32, static_cast<char>('a' + kFreshKey))).public_key()));
}

TEST_F(AbciValidatorsTest, FewerReportsThanAQuorumOfTheirHeightsSetAreRefused) {
  change(kWithoutThree, 8);
  blocks_to(7);
  const auto with = [&](size_t reports) {
    auto proposal = chain_.propose(1);
    auto payload = *agreement::decode_payload(
        proposal.txs[0], [](ConnectionId) -> std::optional<agreement::Mode> { return std::nullopt; });
    payload.reports.resize(reports);
    proposal.txs[0] = agreement::encode_payload(payload);
    return chain_.accepts(0, proposal);
  };
  EXPECT_TRUE(with(3));
  EXPECT_FALSE(with(2));
  blocks_to(8);
  // Three replicas tolerate none.
  EXPECT_TRUE(with(3));
  EXPECT_FALSE(with(2));
}

TEST_F(AbciValidatorsTest, AnEnvelopeOfWhoLeftIsVoidFromItsLastBlockOn) {
  change(kWithoutThree, 8);
  blocks_to(6);
  const std::string envelope = chain_.envelope(3, "late");
  EXPECT_EQ(chain_.check_tx(envelope), 0u);
  EXPECT_EQ(chain_.propose(1, {envelope}).txs.size(), 2u);
  blocks_to(7);
  EXPECT_EQ(chain_.check_tx(envelope), static_cast<uint32_t>(IngressFault::UnknownGateway));
  EXPECT_EQ(chain_.check_tx(envelope, 1), static_cast<uint32_t>(IngressFault::UnknownGateway));
  auto proposal = chain_.propose(1, {envelope});
  EXPECT_EQ(proposal.txs.size(), 1u) << "an honest proposer leaves it out";
  EXPECT_TRUE(chain_.accepts(0, proposal));
  proposal.txs.push_back(envelope);
  EXPECT_FALSE(chain_.accepts(0, proposal));
  EXPECT_EQ(chain_.decide(proposal).tx_results(1).code(), 1u);
}

TEST_F(AbciValidatorsTest, AnEnvelopeIsSignedWithTheKeyOfItsBlock) {
  change({{0, 0}, {1, 1}, {2, kFreshKey}, {3, 3}}, 8);
  blocks_to(6);
  const std::string before = chain_.envelope(2, "before");
  const std::string after = chain_.envelope_by(2, kFreshKey, "after");
  EXPECT_EQ(chain_.check_tx(before), 0u);
  EXPECT_EQ(chain_.check_tx(after), static_cast<uint32_t>(IngressFault::WrongSignature));
  blocks_to(7);
  // It waits in the mempool, where its signature was good.
  EXPECT_EQ(chain_.check_tx(before, 1), static_cast<uint32_t>(IngressFault::WrongSignature));
  EXPECT_EQ(chain_.check_tx(after), 0u);
  auto proposal = chain_.propose(1, {before, after});
  ASSERT_EQ(proposal.txs.size(), 2u);
  EXPECT_EQ(proposal.txs[1], after);
  EXPECT_TRUE(chain_.accepts(0, proposal));
  proposal.txs.push_back(before);
  EXPECT_FALSE(chain_.accepts(0, proposal));
}

TEST_F(AbciValidatorsTest, AChangeThatIsNoGoodHasAResultAndNoEffect) {
  const auto proposal = chain_.propose(1, {chain_.change(0, kFive, chain_.next() + 1)});
  ASSERT_TRUE(chain_.accepts(0, proposal));
  EXPECT_EQ(chain_.decide(proposal).tx_results(1).code(), 1u) << "too late";
  blocks_to(8);
  EXPECT_TRUE(heights_with_updates().empty());
}

TEST_F(AbciValidatorsTest, AProposerTakesOneChangeOfEachGateway) {
  const std::string first = chain_.change(0, kFive, 10);
  const std::string second = chain_.change(0, kWithoutThree, 10);
  auto proposal = chain_.propose(1, {first, second});
  EXPECT_EQ(proposal.txs.size(), 2u);
  EXPECT_TRUE(chain_.accepts(0, proposal));
  proposal.txs.push_back(second);
  EXPECT_FALSE(chain_.accepts(0, proposal));
  EXPECT_EQ(chain_.decide(proposal).tx_results(2).code(), 1u);
}

TEST_F(AbciValidatorsTest, EvidenceOfWhoIsNotKnownAnyMoreNamesTheAddress) {
  change(kWithoutThree, 8);
  const auto evidence = [&](int64_t height) {
    abci::Request request;
    auto& finalize = *request.mutable_finalize_block();
    finalize.set_height(chain_.next());
    finalize.mutable_time()->set_seconds(chain_.next());
    auto& misbehavior = *finalize.add_misbehavior();
    misbehavior.set_type(1);
    misbehavior.set_height(height);
    misbehavior.mutable_validator()->set_address(validator_address(chain_.params().replica_keys[3]));
    ASSERT_TRUE(chain_.ask(0, request).has_finalize_block());
    chain_.restart(0);
  };
  blocks_to(6);
  evidence(5);
  EXPECT_THAT(chain_.notices(), Contains(HasSubstr("DOUBLE_VOTE: replica 3: evidence")));
  blocks_to(9);
  evidence(5);
  const std::string address = to_hex(validator_address(chain_.params().replica_keys[3]));
  EXPECT_THAT(chain_.notices(), Contains(HasSubstr("DOUBLE_VOTE: validator " + address)));
}

}  // namespace
}  // namespace icws::engine
