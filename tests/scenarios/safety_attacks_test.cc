// The attacks on safety, by their numbers in docs/agreement.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agreement/report_codec.h"
#include "tests/support_agreement/committee.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;
using testing::ElementsAre;
using transcript::Cause;

Bytes numbered(const char* prefix, size_t i) { return prefix + std::to_string(i); }

FeedItem item_of(const Bytes& text, const Bytes& key = {}, uint32_t copy = 1) {
  return FeedItem{feed_content_id(ObservationKind::Text, key, text), copy};
}

TEST(Attack, S1_ReportsMadeBeforeADecisionDoNotDecideItAgain) {
  Committee committee({});
  committee.open_all();
  committee.all_see({"a", "b", "c"});
  // Reports of the next heights still list what the first decision settles, and stay in force for W blocks.
  committee.blocks(2);
  EXPECT_THAT(committee.texts(), ElementsAre("a", "b", "c"));
  committee.block({.proposer = 0, .carries = {0}});
  committee.blocks(10);
  EXPECT_THAT(committee.texts(), ElementsAre("a", "b", "c"));
  // A proposer that tries all the same is refused.
  committee.all_see({"d"});
  committee.blocks(2);
  Decision repeated = committee.last_decision();
  ASSERT_EQ(repeated.feed.contents.size(), 1u);
  committee.block({.tamper = [&](Decision& decision) { decision = repeated; }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongContent);
}

TEST(Attack, S2_MedianSortingBreaksKeyOrder) {
  Committee committee({});
  committee.open_all();
  for (size_t i = 0; i < 40; ++i) {
    committee.sees(0, numbered("stale", i));
    committee.sees(1, numbered("stale", i));
  }
  committee.sees(0, "a");
  committee.sees(0, "b");
  committee.sees(1, "a");
  committee.sees(2, "a");
  committee.sees(2, "b");
  committee.lies(3, [](Section truth) {
    truth.items = {item_of("b")};
    for (size_t i = 0; i < 60; ++i) truth.items.push_back(item_of(numbered("own", i)));
    truth.items.push_back(item_of("a"));
    return std::optional(truth);
  });
  // By median rank: a has 0, 40, 40, 61 and b has 0, 1, 41, so b would be first.
  committee.blocks(100);
  const auto texts = committee.texts();
  const auto a = std::ranges::find(texts, "a"), b = std::ranges::find(texts, "b");
  ASSERT_NE(a, texts.end());
  ASSERT_NE(b, texts.end());
  EXPECT_LT(a, b);
}

TEST(Attack, S3_AProposerMayNotReorderByLeavingOut) {
  Committee committee({});
  committee.open_all();
  committee.all_see({"a", "b"}, "k");
  committee.all_see({"x"}, "other");
  committee.block();
  committee.block({.tamper = [](Decision& decision) {
    std::erase_if(decision.feed.contents, [](const Observation& o) { return o.content == "a"; });
  }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongOrder);
  committee.block({.tamper = [](Decision& decision) { std::ranges::reverse(decision.feed.contents); }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongOrder);
  EXPECT_TRUE(committee.texts().empty());
  // Leaving out another key is only delay.
  committee.block({.tamper = [](Decision& decision) {
    std::erase_if(decision.feed.contents, [](const Observation& o) { return o.content == "x"; });
  }});
  EXPECT_EQ(committee.last_fault(), std::nullopt);
  EXPECT_THAT(committee.texts(), ElementsAre("a", "b"));
  committee.block();
  EXPECT_THAT(committee.texts(), ElementsAre("a", "b", "x"));
}

TEST(Attack, S4_TheKeyIsPartOfTheItem) {
  Committee committee({});
  committee.open_all();
  committee.all_see({"a", "b"}, "k");
  committee.block();
  // Under another key, b would not have to wait for a.
  committee.block({.tamper = [](Decision& decision) {
    decision.feed.contents.erase(decision.feed.contents.begin());
    decision.feed.contents[0].key = "other";
  }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongContent);
  EXPECT_NE(item_of("a", "k"), item_of("a", "other"));
}

TEST(Attack, S6_AKindThatOnlyTheLiarGivesIsNotNamed) {
  Committee committee({});
  committee.reports_status(0, MemberStatus::Failed, Ending{Cause::Tls, 1006, {}});
  committee.lies(3, [](Section truth) {
    truth.status = MemberStatus::Failed;
    truth.ending = Ending{Cause::Server, 1006, {}};
    return std::optional(truth);
  });
  committee.blocks(60);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Connection);
  EXPECT_FALSE(committee.end()->was_open);
}

TEST(Attack, S6_AKindThatAnHonestMemberGivesIsNamedWhateverTheDetails) {
  Committee committee({});
  committee.reports_status(0, MemberStatus::Failed, Ending{Cause::Certificate, 1006, "expired on replica 0"});
  committee.reports_status(1, MemberStatus::Failed, Ending{Cause::Certificate, 1006, "expired on replica 1"});
  committee.blocks(2);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Certificate);
  EXPECT_EQ(committee.end()->reason, "");
}

TEST(Attack, S7_DataBeforeALossIsDeliveredFirst) {
  for (const Mode mode : {Mode::Feed, Mode::Ordered}) {
    Committee committee({.mode = mode});
    committee.open_all();
    committee.all_see({"m1", "m2", "m3", "m4", "m5"});
    for (size_t member = 0; member < 4; ++member) {
      committee.reports_status(member, MemberStatus::Ended, Ending{Cause::Connection, 1006, {}});
    }
    // Proposers withhold everything for longer than the grace.
    for (size_t i = 0; i < 60; ++i) {
      committee.block({.tamper = [](Decision& decision) { decision = {}; }});
    }
    EXPECT_FALSE(committee.end());
    committee.blocks(60);
    EXPECT_THAT(committee.texts(), ElementsAre("m1", "m2", "m3", "m4", "m5"));
    ASSERT_TRUE(committee.end());
    EXPECT_EQ(committee.end()->cause, Cause::Connection);
  }
}

TEST(Attack, S7_ABacklogOverManyBlocksIsDeliveredBeforeTheLoss) {
  for (const Mode mode : {Mode::Feed, Mode::Ordered}) {
    Committee committee({.mode = mode, .content_bytes = 130});
    committee.open_all();
    std::vector<Bytes> all;
    for (size_t i = 100; i < 200; ++i) all.push_back(numbered("m", i));
    committee.all_see(all);
    for (size_t member = 0; member < 4; ++member) {
      committee.reports_status(member, MemberStatus::Ended, Ending{Cause::Connection, 1006, {}});
    }
    committee.blocks(30, Milliseconds(500));
    committee.blocks(30, Milliseconds(500));
    EXPECT_EQ(committee.texts(), all) << static_cast<int>(mode);
    EXPECT_TRUE(committee.end());
  }
}

TEST(Attack, S10_TheCommitteeOfAnEpochIsFixed) {
  // Seven replicas now, but the epoch has four members: three of them are a quorum.
  Committee committee({.members = 4});
  committee.open_all();
  committee.falls_silent(3);
  committee.all_see({"a"});
  committee.blocks(2);
  EXPECT_EQ(committee.state().quorum().q(), 3u);
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
}

TEST(Attack, ForgedContentsAreRefused) {
  for (const Mode mode : {Mode::Feed, Mode::Ordered}) {
    Committee committee({.mode = mode});
    committee.open_all();
    committee.all_see({"a", "b"});
    committee.block();
    committee.block({.tamper = [&](Decision& decision) {
      auto& contents = mode == Mode::Feed ? decision.feed.contents : decision.ordered.contents;
      ASSERT_FALSE(contents.empty());
      contents[0].content = "forged";
    }});
    EXPECT_TRUE(committee.last_fault());
    EXPECT_TRUE(committee.texts().empty());
    committee.block();
    EXPECT_THAT(committee.texts(), ElementsAre("a", "b"));
  }
}

TEST(Attack, TwoOfFourDecideNothing) {
  for (const Mode mode : {Mode::Feed, Mode::Ordered}) {
    Committee committee({.mode = mode});
    committee.open_all();
    committee.falls_silent(2);
    committee.falls_silent(3);
    committee.all_see({"a", "b"});
    committee.blocks(200);
    EXPECT_TRUE(committee.texts().empty());
    EXPECT_FALSE(committee.end());
  }
}

}  // namespace
}  // namespace icws::test_agreement
