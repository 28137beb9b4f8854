// Mode ordered over blocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support_agreement/committee.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;
using testing::ElementsAre;
using testing::SizeIs;
using transcript::Cause;

std::vector<Bytes> numbered(size_t from, size_t to) {
  std::vector<Bytes> out;
  for (size_t i = from; i < to; ++i) out.push_back("m" + std::to_string(i));
  return out;
}

TEST(Ordered, AgreesOnABacklogOfAnySize) {
  for (const size_t backlog : {1, 2, 3, 7, 100, 1'000, 8'192}) {
    Committee committee({.mode = Mode::Ordered});
    committee.open_all();
    committee.all_see(numbered(0, backlog));
    committee.blocks(3);
    EXPECT_EQ(committee.texts(), numbered(0, backlog)) << backlog;
    EXPECT_LT(committee.report_bytes(0), 2'000u);
  }
}

TEST(Ordered, MembersAtDifferentPointsAgreeOnWhatAQuorumHas) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  const size_t seen[] = {1'000, 37, 900, 500};
  for (size_t member = 0; member < 4; ++member) {
    for (const Bytes& text : numbered(0, seen[member])) committee.sees(member, text);
  }
  committee.blocks(8);
  EXPECT_EQ(committee.texts(), numbered(0, 500));
}

TEST(Ordered, DigestsThatDoNotFitBesideTheContentsAreDoneWithout) {
  // Room for ten contents or five digests.
  Committee committee({.mode = Mode::Ordered, .content_bytes = 200});
  committee.open_all();
  const size_t seen[] = {1'000, 37, 900, 500};
  for (size_t member = 0; member < 4; ++member) {
    for (const Bytes& text : numbered(0, seen[member])) committee.sees(member, text);
  }
  for (size_t i = 0; i < 200; ++i) {
    committee.blocks(1);
    ASSERT_LE(carried_bytes(committee.last_decision()), 200u);
  }
  EXPECT_EQ(committee.texts(), numbered(0, 500));
}

TEST(Ordered, ALaggingMemberCatchesUpAndProposesAgain) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  for (size_t i = 0; i < 50; ++i) {
    for (const size_t member : {0, 1, 2}) committee.sees(member, "m" + std::to_string(i));
    committee.block({.proposer = i % 4});
  }
  committee.blocks(3);
  EXPECT_EQ(committee.texts(), numbered(0, 50));
  for (const Bytes& text : numbered(0, 50)) committee.sees(3, text);
  EXPECT_TRUE(committee.ordered_log(3).in_chain());
  committee.all_see({"m50"});
  committee.block({.proposer = 3});
  committee.block({.proposer = 3});
  EXPECT_EQ(committee.texts(), numbered(0, 51));
}

TEST(Ordered, AMemberThatContradictsTheChainIsOutByMismatch) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  for (const size_t member : {0, 1, 2}) committee.sees(member, "a");
  committee.sees(3, "other");
  committee.blocks(3);
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
  EXPECT_EQ(committee.section_of(3).status, MemberStatus::OutMismatch);
  committee.blocks(100);
  EXPECT_FALSE(committee.end());
}

TEST(Ordered, DivergesWithTheClaimsAsEvidence) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.all_see({"same"});
  committee.blocks(2);
  for (size_t member = 0; member < 4; ++member) committee.sees(member, member < 2 ? "x" : "y");
  committee.blocks(2);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Diverged);
  ASSERT_THAT(committee.end()->evidence, SizeIs(4));
  EXPECT_NE(committee.end()->evidence[0].head, committee.end()->evidence[3].head);
  EXPECT_THAT(committee.texts(), ElementsAre("same"));
}

TEST(Ordered, OneLiarCannotMakeItDiverge) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.lies(3, [](Section truth) {
    for (Head& head : truth.heads) head.digest.bytes[0] ^= 1;
    return std::optional(truth);
  });
  for (size_t i = 0; i < 50; ++i) {
    committee.all_see({"m" + std::to_string(i)});
    committee.blocks(1);
  }
  committee.blocks(4);
  EXPECT_FALSE(committee.end());
  EXPECT_EQ(committee.texts(), numbered(0, 50));
}

TEST(Ordered, StallsAfterAMinuteOfClaimsWithoutAQuorum) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.sees(0, "a");
  committee.sees(1, "a");
  committee.blocks(58, Milliseconds(1'000));
  EXPECT_FALSE(committee.end());
  committee.blocks(6, Milliseconds(1'000));
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Stalled);
}

TEST(Ordered, AStallPausesWhileTheInboxIsFull) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.sees(0, "a");
  committee.sees(1, "a");
  committee.inbox_room(0, false);
  committee.blocks(200, Milliseconds(1'000));
  EXPECT_FALSE(committee.end());
}

TEST(Ordered, ACleanCloseIsTheLastEvent) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.all_see({"a"});
  for (size_t member = 0; member < 4; ++member) committee.closes(member, 1001, "going away");
  committee.blocks(2);
  ASSERT_TRUE(committee.end());
  EXPECT_THAT(committee.texts(), ElementsAre("a"));
  EXPECT_EQ(committee.end()->cause, Cause::Server);
  EXPECT_EQ(committee.end()->code, 1001);
  EXPECT_EQ(committee.end()->reason, "going away");
}

TEST(Ordered, RefusesADigestListThatIsTooLong) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.all_see(numbered(0, 10));
  committee.block();
  committee.block({.tamper = [](Decision& decision) { decision.ordered.digests.resize(9'000); }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::TooLarge);
}

TEST(Ordered, RefusesWhatOnlyOneHonestMemberAndALiarCouldHaveClaimed) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.all_see({"a"});
  committee.sees(0, "b");
  committee.sees(1, "b");
  committee.block();
  committee.block({.tamper = [](Decision& decision) {
    decision.ordered.contents.push_back(Observation{ObservationKind::Text, "b", {}});
  }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::Unsupported);
}

TEST(Ordered, RefusesWhatNoQuorumSupportsAndDigestsWithoutContents) {
  Committee committee({.mode = Mode::Ordered});
  committee.open_all();
  committee.all_see({"a"});
  committee.sees(0, "b");
  committee.block();
  committee.block({.tamper = [&](Decision& decision) {
    decision.ordered.contents.push_back(Observation{ObservationKind::Text, "b", {}});
  }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::Unsupported);
  committee.block({.tamper = [](Decision& decision) {
    decision = {};
    decision.ordered.digests.emplace_back();
  }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongContent);
}

TEST(Ordered, ASecondOpenedOrAMessageBeforeItIsRefused) {
  Committee committee({.mode = Mode::Ordered});
  for (size_t member = 0; member < 4; ++member) committee.sees(member, "too early");
  committee.block();
  const auto tamper = [&](Decision& decision) {
    decision.ordered.contents = {Observation{ObservationKind::Text, "too early", {}}};
    decision.ordered.digests.clear();
  };
  committee.block({.tamper = tamper});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongContent);
}

}  // namespace
}  // namespace icws::test_agreement
