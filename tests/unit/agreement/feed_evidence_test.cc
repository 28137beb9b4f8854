#include "agreement/feed_evidence.h"

#include <gtest/gtest.h>

namespace icws::agreement {
namespace {

constexpr LocalTime at(int64_t ms) { return LocalTime(Milliseconds(ms)); }
FeedItem item(const Bytes& content) {
  return FeedItem{feed_content_id(ObservationKind::Text, {}, content), 1};
}

// Member 3 of four, with a log of twelve messages and room for ten.
class FeedEvidenceTest : public testing::Test {
 protected:
  FeedEvidenceTest() {
    for (int i = 0; i < 12; ++i) {
      log_.append(Observation{ObservationKind::Text, "mine " + std::to_string(i), {}},
                  EventRef{Attempt(1), EventSequence(static_cast<uint64_t>(i) + 1)}, at(0));
    }
    log_.list(100'000, 10, at(0));
  }
  // Another member's section in the report of `height`.
  void says(size_t member, bool complete, const std::vector<Bytes>& contents = {}, uint64_t height = 1) {
    sections_[member] = Section{};
    sections_[member].complete = complete;
    for (const Bytes& content : contents) sections_[member].items.push_back(item(content));
    view_[member] = InForce{&sections_[member], Height(height)};
  }
  void falls_silent(size_t member) { view_[member] = InForce{}; }
  // A block at the head, and how many entries are given up.
  size_t block(int64_t ms) {
    evidence_.observe(view_, 3, Quorum(4), at(ms), params_);
    return make_room(log_, evidence_, view_, 3, Quorum(4), state_, at(ms), params_).size();
  }

  const AgreementParams params_;
  const FeedState state_;
  FeedLog log_;
  FeedEvidence evidence_;
  Section sections_[4];
  View view_{4};
};

TEST_F(FeedEvidenceTest, GivesUpTheOldestThatAreTooManyAndNoOther) {
  evidence_.reported(Height(1), at(2'000));
  says(0, true);
  says(1, true);
  says(2, false);
  EXPECT_EQ(block(2'000), 2u);
  EXPECT_EQ(log_.size(), 10u);
  EXPECT_EQ(log_.find(item("mine 1")), nullptr);
  EXPECT_NE(log_.find(item("mine 2")), nullptr);
  EXPECT_EQ(block(3'000), 0u);
}

TEST_F(FeedEvidenceTest, OthersHaveTheHoldBackToSeeIt) {
  evidence_.reported(Height(1), at(1'999));
  says(0, true);
  says(1, true);
  EXPECT_EQ(block(1'999), 0u);
  // However late it looks: those reports were made too early.
  EXPECT_EQ(block(5'000), 0u);
  // Nor does it know anything of a height for which it made no report itself.
  says(0, true, {}, 2);
  says(1, true, {}, 2);
  EXPECT_EQ(block(5'000), 0u);
}

TEST_F(FeedEvidenceTest, FMembersAreNoEvidence) {
  evidence_.reported(Height(1), at(2'000));
  says(0, true);
  says(1, false);
  says(2, true,
       {"mine 0", "mine 1", "mine 2", "mine 3", "mine 4", "mine 5", "mine 6", "mine 7", "mine 8", "mine 9",
        "mine 10", "mine 11"});
  EXPECT_EQ(block(2'000), 0u);
  says(1, true, {"mine 0"});
  EXPECT_EQ(block(2'000), 2u);
  EXPECT_NE(log_.find(item("mine 0")), nullptr);
}

TEST_F(FeedEvidenceTest, ACutListIsEvidenceUpToItsMiddle) {
  says(0, false, {"mine 5", "mine 9"});
  says(1, false, {"mine 5", "mine 9"});
  EXPECT_EQ(block(2'000), 0u);
  // One in common with another order does not matter.
  says(0, false, {"mine 11", "mine 0", "mine 2"});
  says(1, false, {"mine 1", "mine 2", "mine 9"});
  EXPECT_EQ(block(1'999), 0u);
  EXPECT_EQ(block(2'000), 0u);
  says(1, false, {"mine 2", "mine 3", "mine 9"});
  EXPECT_EQ(block(2'000), 1u);
  EXPECT_EQ(log_.find(item("mine 1")), nullptr);
}

TEST_F(FeedEvidenceTest, WhoIsSilentLongEnoughLacksEverything) {
  const int64_t step = 300;
  int64_t now = 5'000;
  evidence_.reported(Height(1), at(now));
  says(0, true);
  says(1, false);
  says(2, false);
  EXPECT_EQ(block(now), 0u);
  falls_silent(2);
  for (uint32_t missed = 1; missed < 2 * params_.blocks_in_force; ++missed) {
    EXPECT_EQ(block(now += step), 0u) << missed;
  }
  EXPECT_EQ(block(now += step), 2u);
}

TEST_F(FeedEvidenceTest, SilenceIsNoneWhereNoQuorumSpeaks) {
  evidence_.reported(Height(1), at(10'000));
  says(0, true);
  EXPECT_EQ(block(10'000), 0u);
  for (int64_t now = 10'300; now < 20'000; now += 300) EXPECT_EQ(block(now), 0u);
}

TEST_F(FeedEvidenceTest, AFullInboxStartsTheWaitAnew) {
  log_.drop_stale(at(5'000), params_.drop_after, true, [](const FeedItem&) { return false; });
  says(0, true);
  says(1, true);
  evidence_.reported(Height(1), at(6'999));
  EXPECT_EQ(block(6'999), 0u);
  evidence_.reported(Height(2), at(7'000));
  says(0, true, {}, 2);
  says(1, true, {}, 2);
  EXPECT_EQ(block(7'000), 2u);
}

TEST_F(FeedEvidenceTest, ALogThatFitsKeepsEverything) {
  log_.list(100'000, 12, at(0));
  evidence_.reported(Height(1), at(2'000));
  says(0, true);
  says(1, true);
  EXPECT_EQ(block(2'000), 0u);
}

// What pins the acknowledgement through a full inbox keeps the adapter from reading on: were it kept for
// another `drop_after`, the others would give up what this socket has not brought yet at the same moment.
TEST_F(FeedEvidenceTest, WhatAFullInboxHasKeptGoesOnceOthersHadTime) {
  log_.list(100'000, 12, at(0));
  const auto full_until = [&](int64_t ms) {
    log_.drop_stale(at(ms), params_.drop_after, true, [](const FeedItem&) { return false; });
  };
  full_until(15'000);
  evidence_.reported(Height(1), at(16'999));
  says(0, true);
  says(1, true, {"mine 3"});
  EXPECT_EQ(block(16'999), 0u);
  evidence_.reported(Height(2), at(17'000));
  says(0, true, {}, 2);
  says(1, true, {"mine 3"}, 2);
  EXPECT_EQ(block(17'000), 11u);
  EXPECT_NE(log_.find(item("mine 3")), nullptr);
}

}  // namespace
}  // namespace icws::agreement
