#include "engine/cometbft/abci_application.h"

#include <gmock/gmock.h>

#include "agreement/report_codec.h"
#include "engine/cometbft/frame_codec.h"
#include "tests/unit/engine_cometbft/abci_chain.h"

namespace icws::engine {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class AbciApplicationTest : public testing::Test {
 protected:
  // A chain of some blocks, so that there are votes.
  void SetUp() override {
    for (int i = 0; i < 3; ++i) chain_.block();
  }
  static agreement::Payload decoded(const AbciChain::Proposal& proposal) {
    return *agreement::decode_payload(
        proposal.txs[0], [](ConnectionId) -> std::optional<agreement::Mode> { return std::nullopt; });
  }
  // The proposal with its payload changed.
  static AbciChain::Proposal altered(AbciChain::Proposal proposal, auto change) {
    auto payload = decoded(proposal);
    change(payload);
    proposal.txs[0] = agreement::encode_payload(payload);
    return proposal;
  }
  size_t reports_in(const AbciChain::Proposal& proposal) { return decoded(proposal).reports.size(); }

  AbciChain chain_;
};

TEST_F(AbciApplicationTest, InfoTellsWhatIsCommitted) {
  abci::Request request;
  request.mutable_info();
  const auto info = chain_.ask(0, request).info();
  EXPECT_EQ(info.last_block_height(), 3);
  EXPECT_EQ(info.last_block_app_hash(), chain_.host(0).info().app_hash.view());
}

TEST(AbciGenesis, GivesTheStateBeforeTheFirstBlock) {
  AbciChain chain;
  const auto response = chain.ask(0, chain.init_chain());
  ASSERT_TRUE(response.has_init_chain()) << response.exception().error();
  EXPECT_EQ(response.init_chain().app_hash(), chain.host(0).info().app_hash.view());
}

TEST(AbciGenesis, RefusesWhatIsNotTheClusterFiles) {
  AbciChain chain;
  const auto refused = [&](auto change) {
    auto request = chain.init_chain();
    change(*request.mutable_init_chain());
    return chain.ask(0, request).has_exception();
  };
  EXPECT_TRUE(refused([](auto& genesis) { genesis.set_chain_id("other"); }));
  EXPECT_TRUE(refused([](auto& genesis) { genesis.mutable_validators()->RemoveLast(); }));
  EXPECT_TRUE(refused([](auto& genesis) { genesis.mutable_validators(1)->set_power(11); }));
  EXPECT_TRUE(refused([](auto& genesis) { genesis.mutable_consensus_params()->clear_abci(); }));
  EXPECT_TRUE(refused([](auto& genesis) { genesis.set_initial_height(5); }));
  EXPECT_TRUE(refused(
      [](auto& genesis) { genesis.mutable_consensus_params()->mutable_block()->set_max_bytes(1 << 20); }));
}

TEST(AbciGenesis, RefusesParametersWhoseBlocksWouldNotFit) {
  AbciChain chain;
  auto params = chain.params();
  const uint64_t spare = kBlockBytesMax - block_transactions_bytes(params);
  params.block_content_bytes_max += static_cast<uint32_t>(spare);
  const auto notice = [](const std::string&) {};
  EXPECT_NO_THROW(AbciApplication(chain.host(0), params, {}, notice));
  params.block_content_bytes_max += 1;
  EXPECT_THROW(AbciApplication(chain.host(0), params, {}, notice), std::runtime_error);
}

TEST(AbciGenesis, TheDefaultsFitForFortyReplicas) {
  replica::ClusterParams params;
  params.replica_keys.resize(40);
  EXPECT_LT(block_transactions_bytes(params), kBlockBytesMax);
}

TEST_F(AbciApplicationTest, AnHonestProposalHoldsAllReportsAndIsAccepted) {
  const auto proposal = chain_.propose(1);
  EXPECT_EQ(reports_in(proposal), 4u);
  for (size_t i = 0; i < AbciChain::kReplicas; ++i) EXPECT_TRUE(chain_.accepts(i, proposal)) << i;
}

TEST_F(AbciApplicationTest, VotesForNilCarryNoReport) {
  auto& vote = chain_.vote(2);
  vote.set_block_id_flag(abci::BLOCK_ID_FLAG_NIL);
  vote.clear_vote_extension();
  vote.clear_extension_signature();
  const auto proposal = chain_.propose(1);
  EXPECT_EQ(reports_in(proposal), 3u);
  EXPECT_TRUE(chain_.accepts(0, proposal));
}

// Late precommits reach the proposer without VerifyVoteExtension: chains have halted on this.
TEST_F(AbciApplicationTest, AProposerPrunesLateVotesThatAreNoGood) {
  chain_.vote(2).set_vote_extension("junk");
  chain_.vote(2).set_extension_signature(chain_.sign(2, "junk"));
  const auto proposal = chain_.propose(1);
  EXPECT_EQ(reports_in(proposal), 3u);
  EXPECT_TRUE(chain_.accepts(0, proposal));
  EXPECT_THAT(chain_.notices(), Contains(HasSubstr("MALFORMED: report of replica 2")));
}

TEST_F(AbciApplicationTest, AProposerPrunesAWrongSignature) {
  chain_.vote(3).set_extension_signature(std::string(64, 'x'));
  const auto proposal = chain_.propose(1);
  EXPECT_EQ(reports_in(proposal), 3u);
  EXPECT_TRUE(chain_.accepts(0, proposal));
  EXPECT_THAT(chain_.notices(), Contains(HasSubstr("WRONG_SIGNATURE: report of replica 3")));
}

TEST_F(AbciApplicationTest, AnOversizeReportIsPrunedAndNamed) {
  const std::string big(chain_.params().report_bytes_max + 1, 'x');
  chain_.vote(3).set_vote_extension(big);
  chain_.vote(3).set_extension_signature(chain_.sign(3, big));
  EXPECT_EQ(reports_in(chain_.propose(1)), 3u);
  EXPECT_THAT(chain_.notices(), Contains(HasSubstr("OVERSIZE: report of replica 3")));
}

TEST_F(AbciApplicationTest, AProposerMayBlankVotesDownToAQuorum) {
  const auto honest = chain_.propose(1);
  EXPECT_TRUE(chain_.accepts(0, altered(honest, [](auto& payload) { payload.reports.pop_back(); })));
  EXPECT_FALSE(chain_.accepts(0, altered(honest, [](auto& payload) { payload.reports.resize(2); })));
  EXPECT_FALSE(chain_.accepts(0, altered(honest, [](auto& payload) { payload.reports.clear(); })));
}

TEST_F(AbciApplicationTest, AProposerCannotForgeReports) {
  const auto honest = chain_.propose(1);
  EXPECT_FALSE(chain_.accepts(0, altered(honest, [](auto& payload) { payload.reports[1].report += "x"; })));
  EXPECT_FALSE(chain_.accepts(0, altered(honest, [](auto& payload) {
                                payload.reports[1].signature = payload.reports[2].signature;
                              })));
  EXPECT_FALSE(chain_.accepts(0, altered(honest, [](auto& payload) {
                                auto signature = CometSignature::decode(payload.reports[1].signature);
                                signature->round += 1;
                                payload.reports[1].signature = signature->encode();
                              })));
}

TEST_F(AbciApplicationTest, AProposerCannotTakeAReportOfAnotherHeight) {
  const auto old = chain_.propose(1);
  chain_.decide(old);
  const auto fresh = chain_.propose(2);
  const auto stale = decoded(old).reports;
  EXPECT_FALSE(chain_.accepts(0, altered(fresh, [&](auto& payload) { payload.reports[1] = stale[1]; })));
}

TEST_F(AbciApplicationTest, AReportOfWhoDidNotVoteForTheBlockIsRefused) {
  auto proposal = chain_.propose(1);
  proposal.last_commit.mutable_votes(2)->set_block_id_flag(abci::BLOCK_ID_FLAG_ABSENT);
  EXPECT_FALSE(chain_.accepts(0, proposal));
}

TEST_F(AbciApplicationTest, ABlockWithoutAPayloadIsRefusedAndHarmless) {
  auto proposal = chain_.propose(1);
  proposal.txs.clear();
  EXPECT_FALSE(chain_.accepts(0, proposal));
  proposal.txs = {"junk"};
  EXPECT_FALSE(chain_.accepts(0, proposal));
  // Were it decided all the same, it would be empty, everywhere alike.
  EXPECT_EQ(chain_.decide(proposal).tx_results_size(), 1);
  proposal.txs.clear();
  EXPECT_EQ(chain_.decide(proposal).tx_results_size(), 0);
}

TEST_F(AbciApplicationTest, VerifiesExtensionsByContentAlone) {
  const auto verdict = [&](size_t member, int64_t height, const std::string& report) {
    abci::Request request;
    auto& verify = *request.mutable_verify_vote_extension();
    verify.set_validator_address(validator_address(chain_.params().replica_keys[member]));
    verify.set_height(height);
    verify.set_vote_extension(report);
    return chain_.ask(0, request).verify_vote_extension().status();
  };
  constexpr auto kAccept = abci::VerifyVoteExtensionResponse::STATUS_ACCEPT;
  constexpr auto kReject = abci::VerifyVoteExtensionResponse::STATUS_REJECT;
  const std::string report = chain_.vote(1).vote_extension();
  EXPECT_EQ(verdict(1, chain_.height(), report), kAccept);
  EXPECT_EQ(verdict(1, chain_.next(), report), kReject) << "a report binds its height";
  EXPECT_EQ(verdict(1, chain_.height(), report + "x"), kReject);
  EXPECT_EQ(verdict(1, chain_.height(), ""), kReject);
  EXPECT_EQ(verdict(1, chain_.height(), std::string(chain_.params().report_bytes_max + 1, 'x')), kReject);
}

TEST_F(AbciApplicationTest, IngressRunsOnceAndHasAResult) {
  const std::string envelope = chain_.envelope(2, "first");
  const auto proposal = chain_.propose(1, {envelope});
  ASSERT_EQ(proposal.txs.size(), 2u);
  ASSERT_TRUE(chain_.accepts(0, proposal));
  // There is no canister here: it ran, and was rejected.
  EXPECT_EQ(chain_.decide(proposal).tx_results_size(), 2);
  EXPECT_EQ(chain_.check_tx(envelope), static_cast<uint32_t>(IngressFault::AlreadyRan));
}

TEST_F(AbciApplicationTest, AProposerLeavesOutWhatHasExpiredAndOthersRefuseIt) {
  const std::string dying = chain_.envelope(2, "dying", 1);
  const auto with = chain_.propose(1, {dying});
  EXPECT_EQ(with.txs.size(), 2u);
  chain_.block();
  EXPECT_EQ(chain_.propose(1, {dying}).txs.size(), 1u);
  auto forced = chain_.propose(1);
  forced.txs.push_back(dying);
  EXPECT_FALSE(chain_.accepts(0, forced));
  const auto result = chain_.decide(forced);
  EXPECT_EQ(result.tx_results(1).code(), 1u) << "no effect, but a result";
}

TEST_F(AbciApplicationTest, CheckTxIsStrict) {
  const std::string good = chain_.envelope(1, "good");
  EXPECT_EQ(chain_.check_tx(good), 0u);
  EXPECT_EQ(chain_.check_tx("junk"), static_cast<uint32_t>(IngressFault::Malformed));
  std::string forged = good;
  forged.back() = static_cast<char>(forged.back() ^ 1);
  EXPECT_EQ(chain_.check_tx(forged), static_cast<uint32_t>(IngressFault::WrongSignature));
  EXPECT_EQ(chain_.check_tx(chain_.envelope(1, "long", 100'000)),
            static_cast<uint32_t>(IngressFault::TooFarAhead));
  const std::string brief = chain_.envelope(1, "brief", 1);
  EXPECT_EQ(chain_.check_tx(brief), 0u);
  chain_.block();
  EXPECT_EQ(chain_.check_tx(brief, 1), static_cast<uint32_t>(IngressFault::Expired));
}

TEST_F(AbciApplicationTest, FinalizeWritesNothingAndCommitNeedsIt) {
  abci::Request commit;
  commit.mutable_commit();
  EXPECT_TRUE(chain_.ask(0, commit).has_exception());
  abci::Request finalize;
  finalize.mutable_finalize_block()->set_height(chain_.next());
  ASSERT_TRUE(chain_.ask(0, finalize).has_finalize_block());
  EXPECT_TRUE(chain_.host(0).finalized());
  EXPECT_TRUE(chain_.ask(0, finalize).has_exception()) << "a second one before Commit";
  EXPECT_TRUE(chain_.ask(0, commit).has_commit());
  EXPECT_FALSE(chain_.host(0).finalized());
}

TEST_F(AbciApplicationTest, ABlockThatIsNotTheNextIsAnException) {
  abci::Request finalize;
  for (const int64_t height : {int64_t{-1}, int64_t{0}, chain_.height(), chain_.next() + 1}) {
    finalize.mutable_finalize_block()->set_height(height);
    EXPECT_TRUE(chain_.ask(0, finalize).has_exception()) << height;
  }
}

TEST_F(AbciApplicationTest, EvidenceNamesTheReplica) {
  abci::Request finalize;
  auto& block = *finalize.mutable_finalize_block();
  block.set_height(chain_.next());
  auto& misbehavior = *block.add_misbehavior();
  misbehavior.set_type(1);
  misbehavior.set_height(2);
  misbehavior.mutable_validator()->set_address(validator_address(chain_.params().replica_keys[3]));
  ASSERT_TRUE(chain_.ask(0, finalize).has_finalize_block());
  EXPECT_THAT(chain_.notices(), Contains(HasSubstr("DOUBLE_VOTE: replica 3")));
  EXPECT_EQ(chain_.host(0).rejections_noted(), 1u);
}

TEST_F(AbciApplicationTest, AnUnknownRequestIsAnException) { EXPECT_TRUE(chain_.ask(0, {}).has_exception()); }

TEST_F(AbciApplicationTest, AFaultThatGoesOnIsToldOnce) {
  for (int i = 0; i < 5; ++i) {
    chain_.vote(3).set_extension_signature(std::string(64, 'x'));
    chain_.decide(chain_.propose(1));
  }
  EXPECT_EQ(chain_.notices().size(), 1u);
}

}  // namespace
}  // namespace icws::engine
