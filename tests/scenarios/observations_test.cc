// Mode observations: readings at intervals, whatever f members report.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/decimal.h"
#include "tests/support_agreement/committee.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;
using transcript::MemberValue;
using transcript::Reading;

CommitteeOptions observing(uint32_t members, Deliver deliver, Milliseconds age_max = Milliseconds(60'000)) {
  CommitteeOptions out;
  out.members = members;
  out.mode = Mode::Observations;
  const Quorum quorum(members);
  out.observations = {deliver, min_responses_lowest(deliver, quorum), Milliseconds(1'000), age_max};
  return out;
}

// Blocks to the end of the interval that runs.
void next_reading(Committee& committee) {
  const uint64_t round = committee.state().observations.round;
  while (committee.state().observations.round == round) committee.blocks(1);
}

// A member that reports `value` for `key`, whatever it saw.
Committee::Lie says(Bytes key, Bytes value, Milliseconds age = Milliseconds(0)) {
  return [=](Section section) -> std::optional<Section> {
    section.values = {{key, value, age}};
    return section;
  };
}

Decimal decimal(BytesView text) { return Decimal::parse(text).value(); }

TEST(Observations, DeliversTheLowerMedianExactly) {
  Committee committee(observing(4, Deliver::Median));
  committee.open_all();
  const char* values[] = {"0.30000000000000000000000000001", "0.3", "3e-1", "\"0.2\""};
  for (size_t member = 0; member < 4; ++member) committee.sees(member, values[member], "k");
  next_reading(committee);
  ASSERT_EQ(committee.readings().size(), 1u);
  EXPECT_EQ(committee.readings()[0], (Reading{"k", 4, 4, 0, "0.3", {}}));
}

TEST(Observations, DeliversEveryValueWithItsMember) {
  Committee committee(observing(4, Deliver::All));
  committee.open_all();
  committee.sees(0, "zero", "k");
  committee.sees(3, "three", "k");
  next_reading(committee);
  ASSERT_EQ(committee.readings().size(), 1u);
  const Reading& reading = committee.readings()[0];
  EXPECT_EQ(reading.responses, 2u);
  ASSERT_EQ(reading.values.size(), 2u);
  EXPECT_EQ(reading.values[0].member, 0u);
  EXPECT_EQ(reading.values[0].value, "zero");
  EXPECT_EQ(reading.values[1].member, 3u);
  EXPECT_EQ(reading.values[1].value, "three");
}

TEST(Observations, ReadsAtEveryIntervalAndTheNewestValueOnly) {
  Committee committee(observing(4, Deliver::Median));
  committee.open_all();
  for (int i = 1; i <= 3; ++i) {
    for (size_t member = 0; member < 4; ++member) {
      committee.sees(member, "0", "k");
      committee.sees(member, std::to_string(i), "k");
    }
    next_reading(committee);
    ASSERT_EQ(committee.readings().size(), static_cast<size_t>(i));
    EXPECT_EQ(committee.readings().back().median, std::to_string(i));
  }
}

// Every choice of f liars, at n = 4 and 7, with values from far below to far above, and with nonsense.
TEST(Attack, O1_NoLiarsMoveTheMedianBeyondHonestValues) {
  for (const uint32_t members : {4u, 7u}) {
    const uint32_t faulty = Quorum(members).f();
    for (uint32_t liars = 0; liars < (1u << members); ++liars) {
      if (static_cast<uint32_t>(std::popcount(liars)) != faulty) continue;
      for (const char* lie : {"-1e1000", "1e1000", "105", "1.0e2", "NaN", ""}) {
        Committee committee(observing(members, Deliver::Median));
        committee.open_all();
        for (size_t member = 0; member < members; ++member) {
          committee.sees(member, std::to_string(100 + member), "k");
          if (liars >> member & 1) committee.lies(member, says("k", lie));
        }
        next_reading(committee);
        ASSERT_EQ(committee.readings().size(), 1u) << liars << " " << lie;
        Decimal least = decimal("1e3"), most;
        for (size_t member = 0; member < members; ++member) {
          if (liars >> member & 1) continue;
          least = std::min(least, decimal(std::to_string(100 + member)));
          most = std::max(most, decimal(std::to_string(100 + member)));
        }
        const Decimal median = decimal(committee.readings()[0].median);
        EXPECT_TRUE(least <= median && median <= most) << liars << " " << lie;
      }
    }
  }
}

// All f liars say the same extreme, and f honest members have nothing: then 2f+1 answers are not there.
TEST(Attack, O2_LiarsAndSilenceTogetherGiveNoReading) {
  Committee committee(observing(7, Deliver::Median));
  committee.open_all();
  for (size_t member = 0; member < 4; ++member) committee.sees(member, "100", "k");
  committee.lies(5, says("k", "1"));
  committee.lies(6, [](Section) { return std::optional<Section>(); });
  next_reading(committee);
  EXPECT_EQ(committee.readings().size(), 1u);  // four honest and one liar: 5 of 7
  committee.falls_silent(0);
  committee.blocks(4);
  next_reading(committee);
  EXPECT_EQ(committee.readings().size(), 1u);
}

TEST(Attack, O3_LiarsAloneMakeNoKey) {
  for (const Deliver deliver : {Deliver::All, Deliver::Median}) {
    Committee committee(observing(7, deliver));
    committee.open_all();
    committee.lies(5, says("made up", "1"));
    committee.lies(6, says("made up", "1"));
    next_reading(committee);
    EXPECT_TRUE(committee.readings().empty());
  }
}

// A proposer leaves out an honest member's newer reports: its value grows older with the blocks, and no
// younger.
TEST(Attack, O4_AWithheldReportAgesWithTheBlocks) {
  Committee committee(observing(4, Deliver::All, Milliseconds(2'000)));
  committee.open_all();
  committee.sees(0, "a", "k");
  committee.sees(1, "b", "k");
  next_reading(committee);
  ASSERT_EQ(committee.readings().size(), 1u);
  for (const MemberValue& value : committee.readings()[0].values) {
    EXPECT_GE(value.age, Milliseconds(850));
    EXPECT_LE(value.age, Milliseconds(1'000));
  }
  // Both were seen 1 s ago; a second later they are too old, also in a section that was made before.
  for (int i = 0; i < 20; ++i) committee.block({.carries = {2, 3}});
  next_reading(committee);
  EXPECT_EQ(committee.readings().size(), 1u);
}

TEST(Attack, O5_AnOldSectionIsNoYoungerThanItsReport) {
  Committee committee(observing(4, Deliver::All, Milliseconds(1'000)));
  committee.open_all();
  for (size_t i = 0; i < 18; ++i) committee.blocks(1);
  for (size_t member = 0; member < 4; ++member) committee.sees(member, "a", "k");
  committee.blocks(2, Milliseconds(10));
  // One block brings the reading near: with it, all values are 1.2 s old, though their sections say 0.
  committee.block({.carries = {}, .after = Milliseconds(10)});
  committee.block({.carries = {3}, .after = Milliseconds(1'000)});
  committee.block({.carries = {3}, .after = Milliseconds(200)});
  for (const Reading& reading : committee.readings()) {
    for (const MemberValue& value : reading.values) EXPECT_LE(value.age, Milliseconds(1'000));
  }
  EXPECT_LE(committee.readings().size(), 1u);
}

TEST(Observations, LeavesOutWhatIsTooOldOrMissing) {
  Committee committee(observing(4, Deliver::Median, Milliseconds(1'500)));
  committee.open_all();
  for (size_t member = 0; member < 3; ++member) committee.sees(member, "7", "k");
  next_reading(committee);
  EXPECT_EQ(committee.readings().size(), 1u);
  committee.sees(0, "8", "k");
  next_reading(committee);  // 2 s: only one member has something newer
  EXPECT_EQ(committee.readings().size(), 1u);
  EXPECT_EQ(committee.state().observations.skipped, 0u);
}

TEST(Observations, SkipsIntervalsWhileTheInboxIsFullAndSaysHowMany) {
  Committee committee(observing(4, Deliver::Median));
  committee.open_all();
  for (size_t member = 0; member < 4; ++member) committee.sees(member, "7", "k");
  committee.inbox_room(0, false);
  next_reading(committee);
  next_reading(committee);
  EXPECT_TRUE(committee.readings().empty());
  committee.inbox_room(1'000, true);
  next_reading(committee);
  ASSERT_EQ(committee.readings().size(), 1u);
  EXPECT_EQ(committee.readings()[0].skipped, 2u);
  next_reading(committee);
  EXPECT_EQ(committee.readings()[1].skipped, 0u);
}

TEST(Observations, SkipsAnIntervalThatDoesNotFitAsAWhole) {
  Committee committee(observing(4, Deliver::Median));
  committee.open_all();
  for (size_t member = 0; member < 4; ++member) {
    committee.sees(member, "1", "a");
    committee.sees(member, "2", "b");
  }
  committee.inbox_room(2 * 66 - 1, true);
  next_reading(committee);
  EXPECT_TRUE(committee.readings().empty());
  committee.inbox_room(2 * 66, true);
  next_reading(committee);
  EXPECT_EQ(committee.readings().size(), 2u);
}

TEST(Observations, GivesEveryKeyItsTurn) {
  CommitteeOptions options = observing(4, Deliver::Median);
  options.section_bytes = 1'000;  // about 37 of 200 keys
  Committee committee(options);
  committee.open_all();
  std::set<Bytes> read;
  for (int interval = 0; interval < 14; ++interval) {
    for (size_t member = 0; member < 4; ++member) {
      // Not all members know all keys.
      for (size_t key = 0; key < 200; ++key) {
        if (key % 20 != member) committee.sees(member, "1", "k" + std::to_string(key));
      }
    }
    next_reading(committee);
    EXPECT_GE(committee.last_readings().size(), 20u);
    for (const Reading& reading : committee.last_readings()) read.insert(reading.key);
  }
  EXPECT_EQ(read.size(), 200u);
}

TEST(Observations, StartsToCountWhenItOpens) {
  Committee committee(observing(4, Deliver::Median));
  committee.blocks(30);
  EXPECT_EQ(committee.state().observations.round, 0u);
  committee.open_all();
  EXPECT_EQ(committee.state().observations.due, committee.now() + Milliseconds(1'000));
}

TEST(Observations, AHaltLeavesOutIntervalsWithoutCatchingUp) {
  CommitteeOptions options = observing(4, Deliver::Median);
  options.observations.interval = Milliseconds(100);
  Committee committee(options);
  committee.open_all();
  for (size_t member = 0; member < 4; ++member) committee.sees(member, "1", "k");
  committee.blocks(4);
  const size_t before = committee.readings().size();
  committee.block({.after = Milliseconds(950)});
  EXPECT_EQ(committee.readings().size(), before + 1);
  committee.block({.after = Milliseconds(10)});
  EXPECT_LE(committee.readings().size(), before + 2);
}

TEST(Observations, EndsLikeAFeed) {
  Committee committee(observing(4, Deliver::Median));
  committee.open_all();
  for (size_t member = 0; member < 2; ++member) {
    committee.reports_status(member, MemberStatus::Ended, Ending{transcript::Cause::Server, 1001, "bye"});
  }
  committee.blocks(50);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, transcript::Cause::Server);
  EXPECT_EQ(committee.end()->code, 1001);
}

TEST(Observations, AsksOfANewCommitteeWhatIsSafeAndLive) {
  const ObservationsSettings median{Deliver::Median, 3, Milliseconds(1'000), Milliseconds(1'000)};
  EXPECT_EQ(min_responses_now(median, Quorum(4)), 3u);
  EXPECT_EQ(min_responses_now(median, Quorum(7)), 5u);
  EXPECT_EQ(min_responses_now(median, Quorum(1)), 1u);
  const ObservationsSettings all{Deliver::All, 5, Milliseconds(1'000), Milliseconds(1'000)};
  EXPECT_EQ(min_responses_now(all, Quorum(7)), 5u);
  EXPECT_EQ(min_responses_now(all, Quorum(4)), 3u);
  EXPECT_EQ(min_responses_now(all, Quorum(40)), 14u);
  for (uint32_t n = 1; n <= 40; ++n) {
    for (const Deliver deliver : {Deliver::All, Deliver::Median}) {
      EXPECT_LE(min_responses_lowest(deliver, Quorum(n)), Quorum(n).q());
    }
  }
}

}  // namespace
}  // namespace icws::test_agreement
