// How connections open, fail and end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support_agreement/committee.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;
using transcript::Cause;
using transcript::Opened;

class Lifecycle : public testing::TestWithParam<Mode> {};
INSTANTIATE_TEST_SUITE_P(Modes, Lifecycle, testing::Values(Mode::Ordered, Mode::Feed));

const Opened kNegotiated{"chat", {{"x-server", "1"}}};

TEST_P(Lifecycle, OpensWhenAQuorumHasOpened) {
  Committee committee({.mode = GetParam()});
  committee.opens(0, kNegotiated);
  committee.opens(1, kNegotiated);
  committee.blocks(10);
  EXPECT_FALSE(committee.opened());
  committee.opens(2, kNegotiated);
  committee.blocks(5);
  ASSERT_TRUE(committee.opened());
  EXPECT_EQ(*committee.opened(), kNegotiated);
  EXPECT_EQ(committee.state().phase, Phase::Open);
}

TEST_P(Lifecycle, FailsWithTheCommonKind) {
  Committee committee({.mode = GetParam()});
  for (const size_t member : {0, 1}) {
    committee.reports_status(member, MemberStatus::Failed, Ending{Cause::ConnectionRefused, 1006, {}});
  }
  committee.blocks(2);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::ConnectionRefused);
  EXPECT_FALSE(committee.end()->was_open);
}

TEST_P(Lifecycle, OneFailureIsNotEnough) {
  Committee committee({.mode = GetParam()});
  for (const size_t member : {0, 1, 2}) committee.opens(member);
  committee.reports_status(3, MemberStatus::Failed, Ending{Cause::ConnectionRefused, 1006, {}});
  committee.blocks(100);
  EXPECT_TRUE(committee.opened());
  EXPECT_FALSE(committee.end());
}

TEST_P(Lifecycle, TimesOut) {
  Committee committee({.mode = GetParam(), .open_timeout = Milliseconds(5'000)});
  committee.opens(0);
  committee.opens(1);
  committee.blocks(4, Milliseconds(1'000));
  EXPECT_FALSE(committee.end());
  committee.blocks(2, Milliseconds(1'000));
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Timeout);
}

TEST_P(Lifecycle, IsLostAfterTwoSeconds) {
  Committee committee({.mode = GetParam()});
  committee.open_all();
  for (const size_t member : {0, 1}) {
    committee.reports_status(member, MemberStatus::Ended, Ending{Cause::Connection, 1006, {}});
  }
  committee.blocks(38);
  EXPECT_FALSE(committee.end());
  committee.blocks(6);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Connection);
  EXPECT_TRUE(committee.end()->was_open);
}

TEST(FeedLifecycle, ACleanCloseEndsItWithTheServersCode) {
  Committee committee({.mode = Mode::Feed});
  committee.open_all();
  for (size_t member = 0; member < 4; ++member) committee.closes(member, 1000, "bye");
  committee.blocks(60);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Server);
  EXPECT_EQ(committee.end()->code, 1000);
  EXPECT_EQ(committee.end()->reason, "bye");
}

TEST(FeedLifecycle, OpensWithNothingWhereServersNegotiatedDifferently) {
  Committee committee({.mode = Mode::Feed});
  for (size_t member = 0; member < 4; ++member) {
    committee.opens(member, Opened{"", {{"x-server", std::to_string(member)}}});
  }
  committee.blocks(2);
  ASSERT_TRUE(committee.opened());
  EXPECT_EQ(*committee.opened(), Opened{});
}

TEST(FeedLifecycle, AForgedNegotiationIsRefused) {
  Committee committee({.mode = Mode::Feed});
  for (size_t member = 0; member < 4; ++member) committee.opens(member, kNegotiated);
  committee.block();
  committee.block({.tamper = [](Decision& d) { d.opened = archive_encode(Opened{"forged", {}}); }});
  EXPECT_EQ(committee.last_fault(), DecisionFault::WrongContent);
  committee.block();
  EXPECT_EQ(committee.opened(), kNegotiated);
}

TEST(OrderedLifecycle, DifferentNegotiationsDiverge) {
  Committee committee({.mode = Mode::Ordered});
  for (size_t member = 0; member < 4; ++member) {
    committee.opens(member, Opened{"", {{"x-server", std::to_string(member)}}});
  }
  committee.blocks(2);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, Cause::Diverged);
  EXPECT_FALSE(committee.end()->was_open);
}

}  // namespace
}  // namespace icws::test_agreement
