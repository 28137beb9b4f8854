// The attacks on liveness, by their numbers in docs/agreement.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support_agreement/committee.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;
using testing::ElementsAre;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using transcript::Cause;

Bytes numbered(const char* prefix, size_t i) { return prefix + std::to_string(i); }

FeedItem item_of(const Bytes& text, uint32_t copy = 1) {
  return FeedItem{feed_content_id(ObservationKind::Text, "", text), copy};
}

TEST(Attack, L1_HonestReplicasThatDisagreeOnOrderDoNotBlockEachOther) {
  Committee committee({});
  committee.open_all();
  for (const size_t member : {0, 1}) {
    committee.sees(member, "a");
    committee.sees(member, "b");
  }
  for (const size_t member : {2, 3}) {
    committee.sees(member, "b");
    committee.sees(member, "a");
  }
  committee.blocks(2);
  EXPECT_THAT(committee.texts(), UnorderedElementsAre("a", "b"));
}

TEST(Attack, L2_EchoingUniqueItemsHoldsAKeyOnlyForTheHoldBack) {
  Committee committee({});
  committee.open_all();
  for (size_t i = 0; i < 40; ++i) committee.sees(0, numbered("unique", i));
  committee.all_see({"a"});
  // Member 3 copies one more of member 0's items in each round, and the first before anything is decided.
  size_t round = 0;
  committee.lies(3, [&](Section truth) {
    truth.items.clear();
    for (size_t i = 0; i < std::min<size_t>(++round, 40); ++i) {
      truth.items.push_back(item_of(numbered("unique", i)));
    }
    truth.items.push_back(item_of("a"));
    return std::optional(truth);
  });
  // Reports, the block in which a becomes decidable, and 2 s of 50 ms.
  committee.blocks(1 + 1 + 39);
  EXPECT_THAT(committee.texts(), SizeIs(0));
  committee.blocks(1);
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
  EXPECT_GE(committee.gaps(), 30u);
}

TEST(Attack, L3_ItemsWithoutAQuorumLeaveTheReportAfterTenSeconds) {
  Committee committee({});
  committee.open_all();
  for (size_t i = 0; i < 2'000; ++i) committee.sees(0, numbered("mine", i));
  committee.all_see({"a"});
  committee.block();
  EXPECT_THAT(committee.section_of(0).items, SizeIs(testing::Lt(1'500)));
  committee.blocks(900);
  EXPECT_EQ(committee.feed_log(0).size(), 0u);
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
}

TEST(Attack, L4_CopiesAreCountedRelativeToTheBase) {
  Committee committee({});
  committee.open_all();
  for (size_t i = 0; i < 1'000; ++i) {
    // Two joined late and saw fewer heartbeats.
    committee.sees(0, "ping");
    committee.sees(1, "ping");
    if (i >= 990) committee.sees(2, "ping");
    if (i >= 997) committee.sees(3, "ping");
    committee.blocks(i >= 990 || i % 5 == 0 ? 1 : 0, Milliseconds(250));
  }
  committee.blocks(6);
  EXPECT_GE(committee.texts().size(), 8u);
  const size_t before = committee.texts().size();
  committee.all_see({"ping"});
  committee.blocks(60, Milliseconds(1'000));
  committee.all_see({"ping"});
  committee.blocks(3);
  EXPECT_GT(committee.texts().size(), before);
}

TEST(Attack, L5_AQuorumNeedNotSitInOneBlock) {
  for (const Mode mode : {Mode::Feed, Mode::Ordered}) {
    Committee committee({.mode = mode});
    committee.open_all();
    for (const size_t member : {0, 1, 2}) committee.sees(member, "a");
    committee.lies(3, [](Section truth) {
      truth.items.clear();
      truth.heads.clear();
      return std::optional(truth);
    });
    committee.block();
    // Each commit holds the liar and two of the three.
    committee.block({.proposer = 0, .carries = {0, 1, 3}});
    committee.block({.proposer = 1, .carries = {1, 2, 3}});
    EXPECT_THAT(committee.texts(), ElementsAre("a"));
  }
}

TEST(Attack, L6_SilenceAndOldReportsAreNoDissent) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  for (size_t i = 0; i < 200; ++i) {
    committee.all_see({numbered("m", i)});
    committee.block({.proposer = i % 4, .carries = {i % 4, (i + 1) % 4, (i + 2) % 4}});
    if (i == 100) committee.falls_silent(2);
  }
  committee.blocks(5);
  EXPECT_FALSE(committee.end());
  EXPECT_THAT(committee.texts(), SizeIs(200));
}

TEST(Attack, L7_AHeadFarAwayDoesNotMakeAnyoneWait) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.lies(3, [](Section truth) {
    truth.heads = {Head{Position(1'000'000'000), Digest{}}};
    return std::optional(truth);
  });
  for (size_t i = 0; i < 5; ++i) {
    committee.all_see({numbered("m", i)});
    committee.block();
  }
  committee.block();
  EXPECT_THAT(committee.texts(), SizeIs(5));
  EXPECT_THAT(committee.last_decision().ordered.digests, SizeIs(0));
}

TEST(Attack, L13_AFullInboxDelaysTheEndButLosesNothing) {
  for (const Mode mode : {Mode::Feed, Mode::Ordered}) {
    Committee committee({.mode = mode});
    committee.open_all();
    committee.inbox_room(0, false);
    committee.all_see({"a", "b"});
    for (size_t member = 0; member < 4; ++member) {
      committee.reports_status(member, MemberStatus::Ended, Ending{Cause::Connection, 1006, {}});
    }
    committee.blocks(30, Milliseconds(1'000));
    EXPECT_FALSE(committee.end());
    committee.inbox_room(1'000'000, true);
    committee.blocks(10, Milliseconds(1'000));
    EXPECT_THAT(committee.texts(), ElementsAre("a", "b"));
    EXPECT_TRUE(committee.end());
  }
}

// Nobody's reports come in time for longer than a loss waits: what a quorum had seen is not lost for that.
TEST(Attack, L13_NoEndIsJudgedWhereNoQuorumSpeaks) {
  for (const Mode mode : {Mode::Feed, Mode::Ordered}) {
    Committee committee({.mode = mode});
    committee.open_all();
    for (size_t member = 0; member < 2; ++member)
      committee.reports_status(member, MemberStatus::Ended, Ending{Cause::Connection, 1006, {}});
    committee.blocks(2);
    committee.all_see({"a", "b"});
    for (size_t member = 0; member < 4; ++member) committee.falls_silent(member);
    committee.blocks(30, Milliseconds(300));
    EXPECT_FALSE(committee.end());
    for (size_t member = 0; member < 4; ++member) committee.speaks_again(member);
    committee.blocks(10, Milliseconds(1'000));
    EXPECT_THAT(committee.texts(), ElementsAre("a", "b"));
    ASSERT_TRUE(committee.end());
    EXPECT_EQ(committee.end()->cause, Cause::Connection);
  }
}

// A liar is silent, and the last whose vote is needed is slower than the grace: it is live, so it may bring
// it yet.
TEST(Attack, L13_AnOrderedEndWaitsForWhoMayStillBringTheData) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.falls_silent(3);
  for (size_t member = 0; member < 2; ++member) {
    committee.sees(member, "a");
    committee.reports_status(member, MemberStatus::Ended, Ending{Cause::Connection, 1006, {}});
  }
  committee.blocks(10, Milliseconds(1'000));
  EXPECT_FALSE(committee.end());
  committee.sees(2, "a");
  committee.blocks(3, Milliseconds(1'000));
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
  EXPECT_TRUE(committee.end());
  // One that never brings it ends in a stall.
  Committee other({.mode = Mode::Ordered});
  other.open_all();
  other.falls_silent(3);
  for (size_t member = 0; member < 2; ++member) {
    other.sees(member, "a");
    other.reports_status(member, MemberStatus::Ended, Ending{Cause::Connection, 1006, {}});
  }
  other.blocks(70, Milliseconds(1'000));
  ASSERT_TRUE(other.end());
  EXPECT_EQ(other.end()->cause, Cause::Stalled);
}

TEST(Attack, L15_AdaptersUpgradedOneByOneEndTheEpochOnlyWhenNoQuorumIsLeft) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.loses_socket(0);
  committee.blocks(100);
  EXPECT_FALSE(committee.end());
  committee.all_see({"a"});
  committee.block({.proposer = 1});
  committee.block({.proposer = 1});
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
  committee.loses_socket(1);
  committee.blocks(2);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Adapter);
}

TEST(Attack, L16_ExpiryPausesWhileTheInboxIsFull) {
  Committee committee({});
  committee.open_all();
  committee.sees(0, "x");
  committee.sees(1, "x");
  committee.all_see({"a"});
  committee.inbox_room(0, false);
  committee.blocks(60, Milliseconds(1'000));
  // The slow two see x at last; nothing has expired and nobody has dropped it.
  committee.sees(2, "x");
  committee.inbox_room(1'000'000, true);
  committee.blocks(1, Milliseconds(0));
  EXPECT_EQ(committee.gaps(), 0u);
  EXPECT_EQ(committee.feed_log(0).size() + committee.texts().size(), 2u);
}

TEST(Attack, L17_OneFlappingMemberBesideALiarDoesNotEndIt) {
  for (const Mode mode : {Mode::Feed, Mode::Ordered}) {
    Committee committee({.mode = mode});
    committee.open_all();
    committee.lies(3, [](Section truth) {
      truth.status = MemberStatus::Ended;
      truth.ending = Ending{Cause::Connection, 1006, {}};
      return std::optional(truth);
    });
    committee.blocks(100);
    committee.reports_status(0, MemberStatus::Ended, Ending{Cause::Connection, 1006, {}});
    committee.blocks(20);  // 1 s
    committee.reports_status(0, MemberStatus::Live);
    committee.blocks(100);
    EXPECT_FALSE(committee.end());
  }
}

}  // namespace
}  // namespace icws::test_agreement
