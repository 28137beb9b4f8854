// Mode feed where logs hold more than a report takes: stale bursts, noisy sockets, small shares of a report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

#include "tests/support_agreement/committee.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;

constexpr Milliseconds kBlock{100};

// A stream that all live members see, and what one member sees beside it.
class Pressure {
 public:
  explicit Pressure(CommitteeOptions options = {}) : committee_(options) {
    committee_.open_all();
    for (size_t member = 0; member < committee_.size(); ++member) live_.insert(member);
  }

  void silent(size_t member) {
    committee_.falls_silent(member);
    live_.erase(member);
  }
  // Messages that nobody else will ever list.
  void stale(size_t member, size_t count, const Bytes& name) {
    for (size_t i = 0; i < count; ++i) committee_.sees(member, name + " " + std::to_string(i));
  }
  // Of each block: what only this member sees.
  void noisy(size_t member, size_t per_block) { noise_ = {member, per_block}; }
  // This member sees the stream so many blocks later than the others.
  void late(size_t member, size_t blocks) { late_ = {member, blocks}; }

  void run(size_t blocks, double per_block) {
    for (size_t i = 0; i < blocks; ++i) {
      for (due_ += per_block; due_ >= 1; due_ -= 1) publish();
      for (size_t k = 0; k < noise_.second; ++k)
        committee_.sees(noise_.first, "noise " + std::to_string(++noises_));
      backlog_.push_back(sent_.size());
      block();
    }
  }
  // Everything that was published is agreed, in order and once, and nothing else is.
  void expect_all_agreed(bool no_gaps = true) {
    for (size_t i = 0; i < 60; ++i) {
      backlog_.push_back(sent_.size());
      block();
    }
    const std::vector<Bytes> texts = committee_.texts();
    EXPECT_EQ(texts.size(), sent_.size());
    EXPECT_TRUE(std::ranges::equal(texts, sent_));
    EXPECT_TRUE(!no_gaps || committee_.gaps() == 0) << committee_.gaps();
  }
  Committee& committee() { return committee_; }

 private:
  void publish() {
    sent_.push_back("live " + std::to_string(sent_.size()));
    for (const size_t member : live_) {
      if (member != late_.first || late_.second == 0) committee_.sees(member, sent_.back());
    }
  }
  void block() {
    if (late_.second > 0 && backlog_.size() > late_.second) {
      for (; seen_late_ < backlog_.front(); ++seen_late_) committee_.sees(late_.first, sent_[seen_late_]);
      backlog_.pop_front();
    }
    const auto proposer =
        std::next(live_.begin(), static_cast<ptrdiff_t>(committee_.height().value % live_.size()));
    committee_.block({.proposer = *proposer, .after = kBlock});
  }

  Committee committee_;
  std::set<size_t> live_;
  std::vector<Bytes> sent_;
  std::deque<size_t> backlog_;
  size_t seen_late_ = 0, noises_ = 0;
  double due_ = 0;
  std::pair<size_t, size_t> noise_{0, 0}, late_{0, 0};
};

TEST(FeedPressure, AStaleBurstLosesNothingBesideASilentMember) {
  for (const double per_block : {0.5, 5.0, 12.0, 60.0}) {
    SCOPED_TRACE(per_block);
    Pressure feed;
    feed.silent(0);
    feed.stale(3, 5'000, "stale");
    feed.run(300, per_block);
    feed.expect_all_agreed();
  }
}

TEST(FeedPressure, NorWhereManyConnectionsShareTheReport) {
  for (const double per_block : {0.5, 2.0, 5.0}) {
    SCOPED_TRACE(per_block);
    Pressure feed({.section_bytes = 1'792});
    feed.silent(0);
    feed.stale(3, 5'000, "stale");
    feed.run(300, per_block);
    feed.expect_all_agreed();
  }
}

TEST(FeedPressure, TwoStaleBurstsBesideASilentMember) {
  for (const bool same : {true, false}) {
    SCOPED_TRACE(same);
    Pressure feed;
    feed.silent(0);
    feed.stale(2, 3'000, "stale");
    feed.stale(3, 5'000, same ? "stale" : "other");
    feed.run(300, 12);
    feed.expect_all_agreed();
  }
}

TEST(FeedPressure, ANoisySocketStarvesNobody) {
  Pressure feed;
  feed.silent(0);
  feed.noisy(3, 100);
  feed.run(400, 12);
  feed.expect_all_agreed();
  // What it gives up it acknowledges: nothing piles up.
  EXPECT_LT(feed.committee().feed_log(3).size(), 2'500u);
}

TEST(FeedPressure, LateCopiesWithinTheHoldBackAreNotGivenUp) {
  Pressure feed;
  feed.silent(0);
  feed.noisy(3, 100);
  feed.late(1, 15);
  feed.run(400, 5);
  feed.expect_all_agreed();
}

// The liar repeats what the burdened member lists, or claims to have all and lists nothing.
TEST(FeedPressure, ALiarBesideAStaleBurst) {
  for (const bool echoes : {true, false}) {
    SCOPED_TRACE(echoes);
    Pressure feed;
    Committee& committee = feed.committee();
    committee.lies(0, [&](Section truth) {
      truth.complete = true;
      truth.items.clear();
      if (echoes) truth.items = committee.section_of(3).items;
      return std::optional(truth);
    });
    feed.stale(3, 5'000, "stale");
    feed.run(300, 5);
    // What an honest member and the liar list expires where it holds up the rest, and is counted.
    feed.expect_all_agreed(!echoes);
  }
}

TEST(FeedPressure, SevenMembersWithTwoSilentAndTwoBurdened) {
  Pressure feed({.members = 7});
  feed.silent(0);
  feed.silent(1);
  feed.stale(5, 5'000, "stale");
  feed.stale(6, 4'000, "other");
  feed.run(300, 12);
  feed.expect_all_agreed();
}

}  // namespace
}  // namespace icws::test_agreement
