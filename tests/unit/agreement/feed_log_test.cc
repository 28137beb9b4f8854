#include "agreement/feed_log.h"

#include <gtest/gtest.h>

namespace icws::agreement {
namespace {

constexpr LocalTime at(int64_t ms) { return LocalTime(Milliseconds(ms)); }
Observation text(const Bytes& content) { return Observation{ObservationKind::Text, content, {}}; }
ContentId id(const Bytes& content) { return feed_content_id(ObservationKind::Text, {}, content); }
constexpr Milliseconds kAbsorb{10'000}, kDrop{10'000};
const auto kNothing = [](const FeedItem&) { return false; };

class FeedLogTest : public testing::Test {
 protected:
  bool sees(const Bytes& content, int64_t ms = 0) {
    return log_.append(text(content), EventRef{Attempt(1), EventSequence(++event_)}, at(ms));
  }
  FeedLog log_;
  uint64_t event_ = 0;
};

TEST_F(FeedLogTest, ListsCopiesInOrderOfArrival) {
  for (const Bytes content : {"a", "b", "a"}) sees(content);
  const std::vector<FeedItem> items = log_.list(10'000, 10, at(0));
  EXPECT_EQ(items, (std::vector<FeedItem>{{id("a"), 1}, {id("b"), 1}, {id("a"), 2}}));
  EXPECT_EQ(log_.list(10'000, 2, at(0)).size(), 2u);
  EXPECT_EQ(log_.list(16 + 36 + 35, 10, at(0)).size(), 1u);
}

TEST_F(FeedLogTest, SettlesTheEarliestCopyAndRenumbers) {
  for (const Bytes content : {"a", "b", "a"}) sees(content);
  const auto freed = log_.settle(id("a"), 1, at(0), kAbsorb);
  ASSERT_EQ(freed.size(), 1u);
  EXPECT_EQ(freed[0].event.event, EventSequence(1));
  EXPECT_EQ(log_.list(10'000, 10, at(0)), (std::vector<FeedItem>{{id("b"), 1}, {id("a"), 1}}));
  EXPECT_NE(log_.find({id("a"), 1}), nullptr);
  EXPECT_EQ(log_.find({id("a"), 2}), nullptr);
  EXPECT_EQ(log_.find({id("a"), 0}), nullptr);
}

TEST_F(FeedLogTest, ACreditAbsorbsOneCopyForItsTime) {
  EXPECT_TRUE(log_.settle(id("a"), 2, at(0), kAbsorb).empty());
  EXPECT_FALSE(sees("a", 9'999));
  EXPECT_TRUE(sees("a", 10'000));
  EXPECT_TRUE(log_.credits(at(10'000)).empty());
}

TEST_F(FeedLogTest, CreditsOutliveARestart) {
  log_.settle(id("a"), 1, at(0), kAbsorb);
  FeedLog other;
  other.restore(log_.credits(at(5)));
  EXPECT_FALSE(other.append(text("a"), {}, at(6)));
  EXPECT_TRUE(other.append(text("a"), {}, at(6)));
}

TEST_F(FeedLogTest, DropsWhatWasListedTooLongAndIsNotDecidable) {
  for (const Bytes content : {"a", "b", "c"}) sees(content);
  log_.list(10'000, 2, at(100));
  const auto decidable = [](const FeedItem& item) { return item.content == id("b"); };
  EXPECT_TRUE(log_.drop_stale(at(10'099), kDrop, false, decidable).empty());
  EXPECT_EQ(log_.drop_stale(at(10'100), kDrop, false, decidable).size(), 1u);
  EXPECT_EQ(log_.find({id("a"), 1}), nullptr);
  EXPECT_NE(log_.find({id("b"), 1}), nullptr);
  EXPECT_NE(log_.find({id("c"), 1}), nullptr);  // never listed
}

TEST_F(FeedLogTest, BackpressureStartsTheWaitAnew) {
  sees("a");
  log_.list(10'000, 10, at(0));
  EXPECT_TRUE(log_.drop_stale(at(60'000), kDrop, true, kNothing).empty());
  EXPECT_TRUE(log_.drop_stale(at(69'999), kDrop, false, kNothing).empty());
  EXPECT_EQ(log_.drop_stale(at(70'000), kDrop, false, kNothing).size(), 1u);
}

// What was not listed is not looked at, however long the log is.
TEST_F(FeedLogTest, OnlyWhatWasListedIsLookedAt) {
  for (int i = 0; i < 1'000; ++i) sees(std::to_string(i));
  EXPECT_EQ(log_.list(100'000, 10, at(0)).size(), 10u);
  size_t asked = 0;
  const auto decidable = [&](const FeedItem&) { return ++asked % 2 == 0; };
  EXPECT_EQ(log_.drop_stale(at(10'000), kDrop, false, decidable).size(), 5u);
  EXPECT_EQ(asked, 10u);
}

TEST_F(FeedLogTest, StopsAskingOnceAllLaterOnesHaveHope) {
  for (int i = 0; i < 100; ++i) sees(std::to_string(i));
  log_.list(100'000, 10, at(0));
  size_t asked = 0;
  const auto hope = [&](const FeedLog::Entry& entry) {
    ++asked;
    if (entry.ordinal == 2) return FeedLog::Hope::Some;
    return entry.ordinal < 5 ? FeedLog::Hope::None : FeedLog::Hope::ForAllLaterToo;
  };
  EXPECT_EQ(log_.make_room(at(0), LocalTime::min(), hope).size(), 3u);
  EXPECT_EQ(asked, 5u);
}

TEST_F(FeedLogTest, ManyCopiesOfOneContentGoOneByOne) {
  constexpr size_t kMany = 50'000;
  for (size_t i = 0; i < kMany; ++i) sees("heartbeat");
  log_.list(10'000'000, kMany, at(0));
  EXPECT_EQ(log_.drop_stale(at(10'000), kDrop, false, kNothing).size(), kMany);
  EXPECT_EQ(log_.size(), 0u);
  EXPECT_EQ(log_.find({id("heartbeat"), 1}), nullptr);
}

TEST_F(FeedLogTest, AHundredThousandCreditsAreNoSlower) {
  for (size_t i = 0; i < 100'000; ++i) log_.settle(id(std::to_string(i)), 1, at(0), kAbsorb);
  for (size_t i = 100'000; i-- > 0;) EXPECT_FALSE(sees(std::to_string(i), 1));
  EXPECT_EQ(log_.size(), 0u);
}

}  // namespace
}  // namespace icws::agreement
