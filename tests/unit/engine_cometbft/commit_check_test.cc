#include "engine/cometbft/commit_check.h"

#include <gtest/gtest.h>

#include "engine/cometbft/comet_signature.h"

namespace icws::engine {
namespace {

using agreement::CarriedReport;

class CommitCheckTest : public testing::Test {
 protected:
  static constexpr uint32_t kRound = 2;

  CommitVote vote(uint32_t member, bool for_block = true) const {
    return {validator_address(keys_.at(member)), for_block};
  }
  static CarriedReport report(uint32_t member, uint32_t round = kRound) {
    return {ReplicaIndex(member), "report", CometSignature{round, Bytes(64, 's')}.encode()};
  }
  bool fits(const std::vector<CarriedReport>& reports, const std::vector<CommitVote>& votes,
            Height height = Height(9)) const {
    return check_against_commit(reports, votes, kRound, height, validators_).has_value();
  }
  std::vector<CommitVote> all_votes() const { return {vote(0), vote(1), vote(2), vote(3)}; }

  const std::vector<Bytes> keys_{Bytes(32, 'a'), Bytes(32, 'b'), Bytes(32, 'c'), Bytes(32, 'd')};
  const ValidatorSet validators_{agreement::genesis_replicas(keys_)};
};

TEST_F(CommitCheckTest, AcceptsAllAndAQuorum) {
  EXPECT_TRUE(fits({report(0), report(1), report(2), report(3)}, all_votes()));
  EXPECT_TRUE(fits({report(0), report(1), report(3)}, all_votes()));
}

TEST_F(CommitCheckTest, RefusesFewerThanAQuorum) {
  EXPECT_FALSE(fits({report(0), report(1)}, all_votes()));
  EXPECT_FALSE(fits({}, all_votes()));
}

TEST_F(CommitCheckTest, RefusesAReportOfWhoDidNotVoteForTheBlock) {
  EXPECT_FALSE(
      fits({report(0), report(1), report(2), report(3)}, {vote(0), vote(1), vote(2), vote(3, false)}));
  EXPECT_FALSE(fits({report(0), report(1), report(2), report(3)}, {vote(0), vote(1), vote(2)}));
}

TEST_F(CommitCheckTest, RefusesAnotherRound) {
  EXPECT_FALSE(fits({report(0), report(1), report(2, kRound + 1)}, all_votes()));
}

TEST_F(CommitCheckTest, RefusesASignatureThatDoesNotDecode) {
  auto broken = report(2);
  broken.signature.pop_back();
  EXPECT_FALSE(fits({report(0), report(1), broken}, all_votes()));
}

TEST_F(CommitCheckTest, RefusesAMemberTwice) {
  EXPECT_FALSE(fits({report(0), report(1), report(1)}, all_votes()));
  EXPECT_FALSE(fits({report(0), report(1), report(2), report(2)}, all_votes()));
}

TEST_F(CommitCheckTest, RefusesACommitWithStrangers) {
  EXPECT_FALSE(fits({report(0), report(1), report(2)}, {vote(0), vote(1), vote(2), {Bytes(20, 'x'), true}}));
}

TEST_F(CommitCheckTest, TheFirstBlockCarriesNone) {
  EXPECT_TRUE(fits({}, {}, Height(1)));
  EXPECT_FALSE(fits({report(0), report(1), report(2)}, {}, Height(1)));
  EXPECT_FALSE(fits({}, {}, Height(2)));
}

TEST_F(CommitCheckTest, GathersVotesForTheBlockOnly) {
  const std::vector<ExtendedVote> votes = {{vote(0), "zero", Bytes(64, '0')},
                                           {vote(1, false), {}, {}},
                                           {{Bytes(20, 'x'), true}, "stranger", Bytes(64, 'x')},
                                           {vote(3), "three", Bytes(64, '3')}};
  const auto gathered = gather_reports(votes, kRound, Height(8), validators_);
  ASSERT_EQ(gathered.reports.size(), 2u);
  EXPECT_EQ(gathered.reports[0].member, ReplicaIndex(0));
  EXPECT_EQ(gathered.reports[1].member, ReplicaIndex(3));
  EXPECT_EQ(gathered.reports[1].report, "three");
  EXPECT_EQ(gathered.reports[1].height, Height(8));
  const auto signature = CometSignature::decode(gathered.reports[1].signature);
  ASSERT_TRUE(signature);
  EXPECT_EQ(signature->round, kRound);
  EXPECT_EQ(signature->ed25519, Bytes(64, '3'));
  ASSERT_EQ(gathered.faults.size(), 1u);
  EXPECT_EQ(gathered.faults[0].kind, replica::RejectionKind::UnknownMember);
}

TEST_F(CommitCheckTest, AnOddSignatureIsTheCoresToPrune) {
  const auto gathered = gather_reports({{vote(0), "zero", "short"}}, kRound, Height(8), validators_);
  ASSERT_EQ(gathered.reports.size(), 1u);
  EXPECT_FALSE(CometSignature::decode(gathered.reports[0].signature));
}

}  // namespace
}  // namespace icws::engine
