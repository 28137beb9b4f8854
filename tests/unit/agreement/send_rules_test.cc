#include "agreement/send_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace icws::agreement {
namespace {

using testing::ElementsAre;

// A committee whose sections a test sets; all live at first.
class SendRules : public testing::Test {
 protected:
  explicit SendRules(uint32_t n = 4) : sections_(n) {
    for (Section& section : sections_) section.status = MemberStatus::Live;
    context_.connection = ConnectionId(1);
    context_.epoch = Epoch(1);
    context_.quorum = Quorum(n);
    context_.policy = Writers::Single;
  }

  WrittenSends step(Milliseconds after = Milliseconds(1'000)) {
    context_.now = context_.now + after;
    View view;
    for (size_t i = 0; i < sections_.size(); ++i) {
      view.push_back(silent_.contains(i) ? InForce{} : InForce{&sections_[i], Height(1)});
    }
    const WrittenSends out = step_sends(state_, view, queue_, context_, params_);
    queue_.freed = out.up_to;
    if (queue_.everyone && *queue_.everyone <= out.up_to) queue_.everyone.reset();
    return out;
  }
  void queue(uint64_t last) { queue_.last = SendSequence(last); }
  void wrote(uint32_t place, uint64_t sequence) { sections_[place].sent_up_to = SendSequence(sequence); }
  void ends(uint32_t place) { sections_[place].status = MemberStatus::Ended; }
  std::vector<uint32_t> writers() const {
    std::vector<uint32_t> out;
    for (uint32_t place = 0; place < sections_.size(); ++place) {
      if (state_.assigned(place) != nullptr) out.push_back(place);
    }
    return out;
  }

  std::vector<Section> sections_;
  std::set<size_t> silent_;
  SendState state_;
  SendQueue queue_;
  SendContext context_;
  AgreementParams params_;
};

TEST_F(SendRules, NobodyIsAssignedBeforeThereIsSomethingToWrite) {
  step();
  EXPECT_THAT(writers(), ElementsAre());
  queue(1);
  context_.assigning = false;
  step();
  EXPECT_THAT(writers(), ElementsAre());
  context_.assigning = true;
  step();
  EXPECT_EQ(writers().size(), 1u);
}

TEST_F(SendRules, ConnectionsBeginWithDifferentMembers) {
  queue(1);
  std::set<uint32_t> seen;
  for (uint64_t id = 1; id <= 4; ++id) {
    state_ = {};
    context_.connection = ConnectionId(id);
    step();
    seen.insert(writers().at(0));
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST_F(SendRules, AWriterStaysWhileItReportsProgress) {
  queue(100);
  step();
  const uint32_t writer = writers().at(0);
  for (uint64_t i = 1; i <= 30; ++i) {
    wrote(writer, i);
    EXPECT_EQ(step(Milliseconds(900)).up_to, SendSequence(i));
    EXPECT_THAT(writers(), ElementsAre(writer));
  }
}

TEST_F(SendRules, OneThatReportsNothingIsReplacedAtTheTimeoutAndNotBefore) {
  queue(1);
  step();
  const uint32_t first = writers().at(0);
  step(params_.write_timeout - Milliseconds(1));
  EXPECT_THAT(writers(), ElementsAre(first));
  step(Milliseconds(1));
  EXPECT_EQ(writers().size(), 1u);
  EXPECT_NE(writers().at(0), first);
}

TEST_F(SendRules, OneWhoseSocketEndedIsReplacedAtOnce) {
  queue(1);
  step();
  const uint32_t first = writers().at(0);
  ends(first);
  step();
  EXPECT_EQ(writers().size(), 1u);
  EXPECT_NE(writers().at(0), first);
}

TEST_F(SendRules, AnIdleWriterIsNeverLate) {
  queue(1);
  step();
  const uint32_t writer = writers().at(0);
  wrote(writer, 1);
  step();
  step(10 * params_.write_timeout);
  queue(2);
  step();
  EXPECT_THAT(writers(), ElementsAre(writer));
}

TEST_F(SendRules, OnlyAssignedMembersCount) {
  queue(5);
  step();
  for (uint32_t place = 0; place < 4; ++place) {
    if (place != writers().at(0)) wrote(place, 5);
  }
  EXPECT_EQ(step().up_to, SendSequence(0));
}

TEST_F(SendRules, WhatWasNotQueuedCannotBeWritten) {
  queue(2);
  step();
  wrote(writers().at(0), UINT64_MAX);
  EXPECT_EQ(step().up_to, SendSequence(2));
  queue(3);
  // The claim was for what is queued now, too: a liar can lie about its own writing, nothing else.
  EXPECT_EQ(step().up_to, SendSequence(3));
}

// f+1 include an honest one: with f liars among them it decides what is written.
TEST_F(SendRules, SomeNeedsAllItsWriters) {
  context_.policy = Writers::Some;
  queue(3);
  step();
  const auto first = writers();
  ASSERT_EQ(first.size(), 2u);
  wrote(first[0], 3);
  EXPECT_EQ(step().up_to, SendSequence(0));
  wrote(first[1], 2);
  const WrittenSends written = step();
  EXPECT_EQ(written.up_to, SendSequence(2));
  EXPECT_EQ(written.writers, first);
}

TEST_F(SendRules, WhatAReplacedWriterWroteStillCounts) {
  context_.policy = Writers::Some;
  queue(1);
  step();
  const auto first = writers();
  wrote(first[0], 1);
  step();
  queue(2);
  step(params_.write_timeout);
  step(params_.write_timeout);
  const auto second = writers();
  ASSERT_EQ(second.size(), 2u);
  for (const uint32_t place : second) {
    if (place != first[0] && place != first[1]) wrote(place, 1);
  }
  EXPECT_EQ(step().up_to, SendSequence(1));
}

TEST_F(SendRules, TheStateHoldsEveryMemberAtMostOnce) {
  context_.policy = Writers::Some;
  queue(9);
  for (int i = 0; i < 50; ++i) {
    step(params_.write_timeout);
    EXPECT_LE(state_.writers.size(), 4u);
    EXPECT_EQ(writers().size(), 2u);
  }
}

TEST_F(SendRules, WhereNobodyElseIsLiveTheWriterIsAskedOnceMore) {
  queue(1);
  step();
  const uint32_t only = writers().at(0);
  for (uint32_t place = 0; place < 4; ++place) {
    if (place != only) ends(place);
  }
  const uint32_t turn = state_.assigned(only)->turn;
  step(params_.write_timeout);
  EXPECT_THAT(writers(), ElementsAre(only));
  EXPECT_GT(state_.assigned(only)->turn, turn);
}

TEST_F(SendRules, SilentMembersAreNotChosen) {
  queue(1);
  silent_ = {0, 1, 2};
  step();
  EXPECT_THAT(writers(), ElementsAre(3));
}

TEST_F(SendRules, WhatEveryoneWritesNeedsAQuorumAndIsFreedAlone) {
  queue(3);
  queue_.everyone = SendSequence(2);
  step();
  const uint32_t writer = writers().at(0);
  // The others claim it before what comes before it is freed.
  for (uint32_t place = 0; place < 4; ++place) wrote(place, 3);
  EXPECT_EQ(step().up_to, SendSequence(1));
  EXPECT_EQ(step().up_to, SendSequence(2));
  EXPECT_EQ(step().up_to, SendSequence(3));
  EXPECT_THAT(writers(), ElementsAre(writer));
}

TEST_F(SendRules, WithAllAQuorumFreesAndNobodyIsAssigned) {
  context_.policy = Writers::All;
  queue(4);
  wrote(0, 4);
  wrote(1, 3);
  EXPECT_EQ(step().up_to, SendSequence(0));
  wrote(2, 2);
  const WrittenSends written = step();
  EXPECT_EQ(written.up_to, SendSequence(2));
  EXPECT_THAT(written.writers, ElementsAre(0, 1, 2));
  EXPECT_TRUE(state_.writers.empty());
}

}  // namespace
}  // namespace icws::agreement
