#include "replica/event_tracker.h"

#include <gtest/gtest.h>

namespace icws::replica {
namespace {

TEST(EventTracker, TakesEachEventOnceAndInOrder) {
  EventTracker events;
  EXPECT_TRUE(events.receive(EventSequence(1)));
  EXPECT_FALSE(events.receive(EventSequence(1)));
  EXPECT_FALSE(events.receive(EventSequence(3)));
  EXPECT_TRUE(events.receive(EventSequence(2)));
  EXPECT_EQ(events.received(), EventSequence(2));
}

// Attack L11: what was dropped is passed like what was agreed.
TEST(EventTracker, ThePrefixPassesWhateverIsDone) {
  EventTracker events;
  events.done(EventSequence(2));
  events.done(EventSequence(3));
  EXPECT_EQ(events.prefix(), EventSequence(0));
  EXPECT_EQ(events.beyond(), (std::vector<uint64_t>{2, 3}));
  events.done(EventSequence(1));
  EXPECT_EQ(events.prefix(), EventSequence(3));
  EXPECT_TRUE(events.beyond().empty());
  EXPECT_TRUE(events.is_done(EventSequence(3)));
  EXPECT_FALSE(events.is_done(EventSequence(4)));
}

TEST(EventTracker, DoneUpToTakesWhatFollowsWithIt) {
  EventTracker events;
  events.done(EventSequence(2));
  events.done(EventSequence(6));
  events.done(EventSequence(8));
  events.done_up_to(EventSequence(5));
  EXPECT_EQ(events.prefix(), EventSequence(6));
  EXPECT_EQ(events.beyond(), (std::vector<uint64_t>{8}));
  events.done_up_to(EventSequence(3));
  EXPECT_EQ(events.prefix(), EventSequence(6));
}

TEST(EventTracker, AfterARestartRepeatedEventsAreKnown) {
  EventTracker before;
  for (const uint64_t event : {1, 2, 4}) before.done(EventSequence(event));
  EventTracker events(before.prefix(), before.beyond());
  EXPECT_FALSE(events.receive(EventSequence(1)));
  EXPECT_FALSE(events.receive(EventSequence(2)));
  EXPECT_TRUE(events.receive(EventSequence(3)));
  EXPECT_TRUE(events.receive(EventSequence(4)));
  EXPECT_TRUE(events.is_done(EventSequence(4)));
}

}  // namespace
}  // namespace icws::replica
