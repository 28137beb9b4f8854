// Mode feed over blocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support_agreement/committee.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;
using testing::ElementsAre;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST(Feed, AnItemThatFewerThanAQuorumSawBecomesAGapBeforeTheNextOfItsKey) {
  Committee committee({});
  committee.open_all();
  committee.sees(0, "x", "k");
  committee.sees(1, "x", "k");
  committee.all_see({"a"}, "k");
  committee.all_see({"free"}, "other");
  committee.blocks(2);
  EXPECT_THAT(committee.texts(), ElementsAre("free"));
  committee.blocks(50);
  EXPECT_THAT(committee.lines(), ElementsAre(Line{"free", "other", 0}, Line{"", "k", 1}, Line{"a", "k", 0}));
  // Expired: settled, and gone from the logs that had it.
  EXPECT_EQ(committee.feed_log(0).size(), 0u);
}

TEST(Feed, WhatWaitsForASlowMemberIsNotLost) {
  Committee committee({});
  committee.open_all();
  committee.sees(0, "x", "k");
  committee.sees(1, "x", "k");
  committee.all_see({"a"}, "k");
  committee.blocks(20);
  committee.sees(2, "x", "k");
  committee.blocks(4);
  EXPECT_THAT(committee.texts(), UnorderedElementsAre("x", "a"));
  EXPECT_EQ(committee.gaps(), 0u);
}

TEST(Feed, EqualMessagesAreCopies) {
  Committee committee({});
  committee.open_all();
  committee.all_see({"ping", "ping", "ping"});
  committee.blocks(3);
  EXPECT_THAT(committee.texts(), ElementsAre("ping", "ping", "ping"));
  committee.all_see({"ping"});
  committee.blocks(10);
  EXPECT_THAT(committee.texts(), SizeIs(4));
}

TEST(Feed, ALateCopyIsAbsorbed) {
  Committee committee({});
  committee.open_all();
  for (const size_t member : {0, 1, 2}) committee.sees(member, "a");
  committee.blocks(4);
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
  committee.blocks(10);
  committee.sees(3, "a");
  EXPECT_EQ(committee.feed_log(3).size(), 0u);
  committee.sees(3, "a");  // a second one is new
  EXPECT_EQ(committee.feed_log(3).size(), 1u);
}

TEST(Feed, ACreditRunsOut) {
  Committee committee({});
  committee.open_all();
  for (const size_t member : {0, 1, 2}) committee.sees(member, "a");
  committee.blocks(4);
  committee.blocks(11, Milliseconds(1'000));
  committee.sees(3, "a");
  EXPECT_EQ(committee.feed_log(3).size(), 1u);
}

TEST(Feed, ALateJoinerIsNeededAgainAtOnce) {
  Committee committee({});
  committee.open_all();
  for (const size_t member : {0, 1, 2}) committee.sees(member, "a");
  committee.blocks(3);
  committee.loses_socket(3);
  committee.falls_silent(0);
  for (const size_t member : {1, 2, 3}) committee.sees(member, "b");
  for (size_t i = 0; i < 6; ++i) committee.block({.proposer = 1});
  EXPECT_THAT(committee.texts(), ElementsAre("a", "b"));
}

// Not promised, and told in docs/agreement.md.
TEST(Feed, ARepeatedContentIsTakenForTheOneThatAMemberMissed) {
  Committee committee({});
  committee.open_all();
  for (const size_t member : {0, 1, 2}) committee.sees(member, "ping");
  committee.blocks(3);
  committee.loses_socket(3);
  committee.falls_silent(0);
  for (const size_t member : {1, 2, 3}) committee.sees(member, "ping");
  EXPECT_EQ(committee.feed_log(3).size(), 0u);
  for (size_t i = 0; i < 6; ++i) committee.block({.proposer = 1});
  EXPECT_THAT(committee.texts(), ElementsAre("ping"));
  // Ten seconds later it is not.
  for (size_t i = 0; i < 12; ++i) committee.block({.proposer = 1, .after = Milliseconds(1'000)});
  for (const size_t member : {1, 2, 3}) committee.sees(member, "ping");
  for (size_t i = 0; i < 6; ++i) committee.block({.proposer = 1});
  EXPECT_THAT(committee.texts(), ElementsAre("ping", "ping"));
}

TEST(Feed, BudgetsCutBetweenComponents) {
  Committee committee({.content_bytes = 60});
  committee.open_all();
  committee.all_see({"0123456789", "1123456789", "2123456789", "3123456789"});
  committee.blocks(2);
  EXPECT_THAT(committee.texts(), SizeIs(2));
  committee.blocks(1);
  EXPECT_THAT(committee.texts(), ElementsAre("0123456789", "1123456789", "2123456789", "3123456789"));
}

TEST(Feed, TheInboxCutsTheEmissionPrefix) {
  Committee committee({});
  committee.open_all();
  committee.inbox_room(200, true);
  committee.all_see({"a", "b", "c"});
  committee.blocks(2);
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
  committee.block({.tamper = [](Decision& decision) {
    const Observation& next = decision.feed.contents[0];
    decision.feed.contents = {next, Observation{ObservationKind::Text, "c", {}}};
  }});
  EXPECT_EQ(committee.last_fault(), std::nullopt);
  EXPECT_THAT(committee.texts(), ElementsAre("a", "b", "c"));
}

TEST(Feed, AComponentLargerThanABlockComesInParts) {
  Committee committee({.content_bytes = 60});
  committee.open_all();
  const Bytes a = "a123456789", b = "b123456789", c = "c123456789", d = "d123456789";
  for (const size_t member : {0, 1}) {
    for (const Bytes& text : {a, b, c, d}) committee.sees(member, text);
  }
  for (const size_t member : {2, 3}) {
    for (const Bytes& text : {d, c, b, a}) committee.sees(member, text);
  }
  committee.blocks(2);
  EXPECT_THAT(committee.texts(), SizeIs(2));
  committee.blocks(4);
  EXPECT_THAT(committee.texts(), UnorderedElementsAre(a, b, c, d));
}

TEST(Feed, APartOfAComponentMustBeItsBeginning) {
  Committee committee({});
  committee.open_all();
  for (const size_t member : {0, 1}) {
    for (const Bytes text : {"a", "b", "c"}) committee.sees(member, text);
  }
  for (const size_t member : {2, 3}) {
    for (const Bytes text : {"c", "b", "a"}) committee.sees(member, text);
  }
  committee.all_see({"after"});
  committee.block();
  committee.block({.tamper = [](Decision& decision) {
    ASSERT_EQ(decision.feed.contents.size(), 4u);
    decision.feed.contents.erase(decision.feed.contents.begin());
    decision.feed.contents.resize(2);
  }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongOrder);
  // Nor may anything follow it in the same block.
  committee.block({.tamper = [](Decision& decision) {
    decision.feed.contents.erase(decision.feed.contents.begin() + 2);
  }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongOrder);
}

TEST(Feed, CopiesInOneComponentDoNotConfuseTheirOwnOrder) {
  // Copy 1 has more reporters than copy 2, at higher ranks: its median is above that of copy 2.
  Committee committee({.members = 7});
  committee.open_all();
  const std::vector<std::vector<Bytes>> lists = {
      {"f0", "c", "c", "x"},
      {"f1", "c", "c", "x"},
      {"x", "c", "c"},
      {"x", "f2", "c", "c"},
      {"x", "f3", "f4", "c", "c"},
      {"x", "f5", "f6", "f7", "f8", "c"},
      {"c", "x"},
  };
  for (size_t member = 0; member < 7; ++member) {
    for (const Bytes& text : lists[member]) committee.sees(member, text);
    if (member >= 5) {
      for (size_t i = 0; i < 30; ++i) committee.sees(member, "own" + std::to_string(member * 100 + i));
    }
  }
  committee.blocks(4);
  EXPECT_THAT(committee.texts(), UnorderedElementsAre("c", "c", "x"));
}

}  // namespace
}  // namespace icws::test_agreement
