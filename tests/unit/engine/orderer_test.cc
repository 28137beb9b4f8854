#include "engine/local/orderer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "fake_replica.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/waiting.h"

namespace icws::engine {
namespace {

using Fault = FakeReplica::Fault;

// A subnet of replicas in memory, its block log on disk, and a wall clock that the test turns.
class OrdererTest : public testing::Test {
 protected:
  explicit OrdererTest(size_t n = 4) {
    for (uint32_t i = 0; i < n; ++i)
      replicas_.push_back(std::make_unique<FakeReplica>(i, static_cast<uint32_t>(n)));
    restart();
  }
  // A new orderer process on the same log.
  void restart() {
    orderer_.reset();
    log_.reset();
    log_.emplace(directory_ / "blocks", "chain");
    std::vector<std::unique_ptr<ReplicaLink>> links;
    for (auto& replica : replicas_) links.push_back(replica->link());
    Orderer::Hooks hooks;
    hooks.clock = [this] { return BlockTime(now_); };
    hooks.transaction_ok = [](BytesView transaction) { return transaction != "garbage"; };
    hooks.notice = [this](const std::string& line) { notices_ += line + "\n"; };
    config_.straggler_grace = Milliseconds(2'000);
    orderer_ = std::make_unique<Orderer>(config_, *log_, std::move(links), std::move(hooks));
  }
  // Rounds until the height is committed; recoveries run beside them, so this may take several.
  bool reach(uint64_t height) {
    return rounds_until([&] { return orderer_->status().height.value >= height && settled(); });
  }
  bool reach_standing(size_t replica, Standing standing) {
    return rounds_until([&] { return orderer_->status().replicas[replica] == standing; });
  }
  // It heard of the agreed app hash.
  bool reach_told(size_t replica) {
    return rounds_until([&] { return !replicas_[replica]->told().empty(); });
  }
  // Every replica has what has been committed.
  bool reach_all_live() {
    return rounds_until([&] {
      const OrdererStatus status = orderer_->status();
      return settled() && std::ranges::count(status.replicas, Standing::Live) == std::ssize(replicas_);
    });
  }
  bool settled() { return last_ == RoundOutcome::Committed; }
  template <class Done>
  bool rounds_until(Done done) {
    const support::Event never;
    for (int i = 0; i < 60'000; ++i) {
      if (done()) return true;
      last_ = orderer_->run_round();
      // The recoveries need the processor.
      if (last_ == RoundOutcome::NoQuorum) static_cast<void>(never.wait(Milliseconds(1)));
    }
    return false;
  }

  support::TemporaryDirectory directory_;
  OrdererConfig config_;
  std::vector<std::unique_ptr<FakeReplica>> replicas_;
  std::optional<BlockLog> log_;
  Milliseconds now_{1'000};
  std::string notices_;
  RoundOutcome last_ = RoundOutcome::NoQuorum;
  std::unique_ptr<Orderer> orderer_;
};

TEST_F(OrdererTest, CommitsTheSameBlocksOnAllReplicas) {
  ASSERT_TRUE(reach(5));
  ASSERT_TRUE(reach_all_live());
  for (auto& replica : replicas_) {
    EXPECT_EQ(replica->height(), orderer_->status().height);
    EXPECT_EQ(replica->app_hash(), orderer_->status().app_hash);
  }
}

TEST_F(OrdererTest, RotatesTheProposer) {
  ASSERT_TRUE(reach_all_live());
  const uint64_t start = orderer_->status().height.value;
  ASSERT_TRUE(reach(start + 8));
  for (auto& replica : replicas_) EXPECT_GE(replica->proposals_made(), 2u);
}

TEST_F(OrdererTest, HandsTheReportsOfOneHeightToTheNext) {
  ASSERT_TRUE(reach_all_live());
  ASSERT_TRUE(reach(orderer_->status().height.value + 6));
  for (auto& replica : replicas_) EXPECT_EQ(replica->reports_seen().back(), 4u);
}

TEST_F(OrdererTest, RunsEachTransactionOnceAndNoGarbage) {
  replicas_[0]->submit("a");
  replicas_[0]->submit("garbage");
  replicas_[0]->submit("b");
  replicas_[1]->submit("a");
  ASSERT_TRUE(reach_standing(0, Standing::Live));
  ASSERT_TRUE(reach_standing(1, Standing::Live));
  ASSERT_TRUE(reach(orderer_->status().height.value + 3));
  ASSERT_TRUE(reach_all_live());
  std::vector<Bytes> ran;
  for (const auto& block : replicas_[0]->blocks()) {
    ran.insert(ran.end(), block.transactions.begin(), block.transactions.end());
  }
  EXPECT_EQ(ran, (std::vector<Bytes>{"a", "b"}));
}

// Four shares of a block, and transactions of nearly a whole one: each replica's has its turn.
TEST_F(OrdererTest, RunsATransactionThatIsLargerThanAReplicasShare) {
  config_.block_transactions_bytes_max = 10;
  restart();
  std::set<Bytes> submitted;
  for (size_t i = 0; i < replicas_.size(); ++i) {
    for (const char* which : {"first", "second"}) {
      submitted.insert(std::string(which) + std::to_string(i));
      replicas_[i]->submit(std::string(which) + std::to_string(i));
    }
  }
  replicas_[3]->submit("larger than any block");
  ASSERT_TRUE(reach_all_live());
  ASSERT_TRUE(reach(orderer_->status().height.value + 3 * submitted.size()));
  std::set<Bytes> ran;
  for (const auto& block : replicas_[0]->blocks()) {
    uint64_t bytes = 0;
    for (const Bytes& transaction : block.transactions) bytes += transaction.size();
    EXPECT_LE(bytes, config_.block_transactions_bytes_max);
    ran.insert(block.transactions.begin(), block.transactions.end());
  }
  EXPECT_EQ(ran, submitted);
}

TEST_F(OrdererTest, GoesOnWithoutADeadReplicaAndCatchesItUp) {
  ASSERT_TRUE(reach_standing(2, Standing::Live));
  replicas_[2]->set_fault(Fault::Dead);
  const Height before = replicas_[2]->height();
  ASSERT_TRUE(reach(before.value + 20));
  EXPECT_EQ(replicas_[2]->height(), before);
  EXPECT_EQ(orderer_->status().replicas[2], Standing::Lost);
  replicas_[2]->set_fault(Fault::None);
  ASSERT_TRUE(reach_standing(2, Standing::Live));
  EXPECT_EQ(replicas_[2]->app_hash(), orderer_->status().app_hash);
  EXPECT_NE(notices_.find("replica 2 is left out"), std::string::npos);
}

TEST_F(OrdererTest, DoesNotDecideWithoutAQuorum) {
  ASSERT_TRUE(reach(3));
  replicas_[0]->set_fault(Fault::Dead);
  replicas_[1]->set_fault(Fault::Dead);
  for (int i = 0; i < 20; ++i) orderer_->run_round();
  const Height stuck = orderer_->status().height;
  for (int i = 0; i < 200; ++i) EXPECT_NE(orderer_->run_round(), RoundOutcome::Committed);
  EXPECT_EQ(orderer_->status().height, stuck);
  replicas_[1]->set_fault(Fault::None);
  EXPECT_TRUE(reach(stuck.value + 3));
}

TEST_F(OrdererTest, CountsRejectionsAndDecidesNothingAgainstTwoOfFour) {
  ASSERT_TRUE(reach(2));
  ASSERT_TRUE(reach_all_live());
  replicas_[0]->set_fault(Fault::Rejects);
  replicas_[1]->set_fault(Fault::Rejects);
  const Height stuck = orderer_->status().height;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(orderer_->run_round(), RoundOutcome::Rejected);
  EXPECT_EQ(orderer_->status().height, stuck);
  EXPECT_EQ(orderer_->status().rejections[replica::RejectionKind::WrongContent], 10u);
  replicas_[0]->set_fault(Fault::None);
  EXPECT_TRUE(reach(stuck.value + 2));
}

TEST_F(OrdererTest, AsksTheNextProposerWhenOneGivesNothing) {
  ASSERT_TRUE(reach_all_live());
  replicas_[3]->set_fault(Fault::HoldsPrepare);
  ASSERT_TRUE(reach(orderer_->status().height.value + 12));
}

TEST_F(OrdererTest, ShutsOutAReplicaWithAnotherAppHash) {
  ASSERT_TRUE(reach_all_live());
  replicas_[1]->set_fault(Fault::Corrupt);
  ASSERT_TRUE(reach_standing(1, Standing::ShutOut));
  EXPECT_NE(notices_.find("SHUT OUT"), std::string::npos);
  const Height then = replicas_[1]->height();
  ASSERT_TRUE(reach(then.value + 5));
  EXPECT_EQ(replicas_[1]->height(), then);
  // It hears why, so that it can stop.
  ASSERT_TRUE(reach_told(1));
  EXPECT_EQ(replicas_[1]->told(), std::vector<Digest>{log_->read(then.next())->previous_app_hash});
  EXPECT_TRUE(replicas_[0]->told().empty());
}

TEST_F(OrdererTest, ShutsOutAReplicaThatDriftsWhileItCatchesUp) {
  ASSERT_TRUE(reach_standing(0, Standing::Live));
  replicas_[0]->set_fault(Fault::Dead);
  ASSERT_TRUE(reach(orderer_->status().height.value + 5));
  replicas_[0]->set_fault(Fault::Corrupt);
  ASSERT_TRUE(reach_standing(0, Standing::ShutOut));
  EXPECT_TRUE(reach_told(0));
}

TEST_F(OrdererTest, ResumesAfterItsOwnRestart) {
  ASSERT_TRUE(reach(6));
  const Height head = log_->head();
  restart();
  EXPECT_EQ(orderer_->status().height, head);
  ASSERT_TRUE(reach(head.value + 3));
  ASSERT_TRUE(reach_all_live());
  EXPECT_EQ(replicas_[0]->blocks()[head.value - 1].height, head);
}

TEST_F(OrdererTest, FinishesABlockThatWasLoggedButNotExecutedByAQuorum) {
  ASSERT_TRUE(reach_all_live());
  for (auto& replica : replicas_) replica->set_fault(Fault::DiesExecuting);
  EXPECT_EQ(orderer_->run_round(), RoundOutcome::Undecided);
  const Height head = log_->head();
  for (auto& replica : replicas_) replica->set_fault(Fault::None);
  restart();
  ASSERT_TRUE(reach(head.value + 2));
  ASSERT_TRUE(reach_all_live());
  EXPECT_EQ(replicas_[0]->blocks().size(), log_->head().value);
}

TEST_F(OrdererTest, BlockTimeNeverRunsBackwards) {
  now_ = Milliseconds(5'000);
  ASSERT_TRUE(reach(3));
  now_ = Milliseconds(2'000);
  ASSERT_TRUE(reach(5));
  restart();
  ASSERT_TRUE(reach(7));
  BlockTime last{};
  for (uint64_t h = 1; h <= log_->head().value; ++h) {
    const auto block = log_->read(Height(h));
    EXPECT_GE(block->block.time, last);
    last = block->block.time;
  }
  EXPECT_EQ(last, BlockTime(Milliseconds(5'000)));
}

TEST_F(OrdererTest, ShutsOutAReplicaThatIsAheadOfTheLog) {
  replica::Block block;
  block.height = Height(1);
  replicas_[2]->link()->finalize_and_commit(block, Milliseconds(1));
  restart();
  EXPECT_TRUE(reach_standing(2, Standing::ShutOut));
}

class FiveReplicas : public OrdererTest {
 protected:
  FiveReplicas() : OrdererTest(5) {}
  // Replica 4 leaves.
  void shrink() {
    ASSERT_TRUE(reach_all_live());
    replicas_[0]->submit("members 0,1,2,3");
    ASSERT_TRUE(reach_standing(4, Standing::Follows));
  }
};

TEST_F(FiveReplicas, WhoHasLeftFollowsAndHasNoSay) {
  shrink();
  EXPECT_NE(notices_.find("the replicas are 0, 1, 2, 3"), std::string::npos) << notices_;
  const size_t proposals = replicas_[4]->proposals_made();
  replicas_[4]->set_fault(Fault::Rejects);
  ASSERT_TRUE(reach(orderer_->status().height.value + 10));
  EXPECT_EQ(replicas_[4]->proposals_made(), proposals);
  EXPECT_EQ(replicas_[0]->reports_seen().back(), 4u);
  EXPECT_TRUE(orderer_->status().rejections.empty());
  EXPECT_EQ(replicas_[4]->height(), orderer_->status().height);
}

TEST_F(FiveReplicas, TheQuorumIsTheNewSets) {
  shrink();
  // Three of four are a quorum; of five they would not be.
  replicas_[4]->set_fault(Fault::Dead);
  replicas_[3]->set_fault(Fault::Dead);
  ASSERT_TRUE(reach(orderer_->status().height.value + 5));
  // Who has left does not stand in for a member.
  replicas_[4]->set_fault(Fault::None);
  ASSERT_TRUE(reach_standing(4, Standing::Follows));
  replicas_[2]->set_fault(Fault::Dead);
  for (int i = 0; i < 20; ++i) orderer_->run_round();
  const Height stuck = orderer_->status().height;
  for (int i = 0; i < 100; ++i) EXPECT_NE(orderer_->run_round(), RoundOutcome::Committed);
  EXPECT_EQ(orderer_->status().height, stuck);
}

TEST_F(FiveReplicas, ANewOrdererKnowsTheSetFromTheLog) {
  shrink();
  ASSERT_TRUE(reach(orderer_->status().height.value + 1));
  restart();
  replicas_[3]->set_fault(Fault::Dead);
  replicas_[4]->set_fault(Fault::Dead);
  EXPECT_TRUE(reach(log_->head().value + 5));
  EXPECT_EQ(log_->read(log_->head())->members.size(), 4u);
}

}  // namespace
}  // namespace icws::engine
