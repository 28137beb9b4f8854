#include <gtest/gtest.h>

#include "agreement/connection.h"
#include "base/prng.h"

namespace icws::agreement {
namespace {

constexpr Milliseconds kOpenTimeout{30'000};

ConnectionState open_state(Mode mode, uint32_t members) {
  std::vector<ReplicaIndex> committee;
  for (uint32_t i = 0; i < members; ++i) committee.emplace_back(i);
  ConnectionState state =
      begin_epoch(ConnectionId(1), mode, Epoch(1), committee, Digest{}, AgreedTime{}, kOpenTimeout);
  state.phase = Phase::Open;
  state.ordered.position = Position(7);
  return state;
}

Section quiet_section(Prng& prng) {
  Section out;
  out.connection = ConnectionId(1);
  out.epoch = Epoch(1);
  out.status = prng.chance(1, 4) ? MemberStatus::Opening : MemberStatus::Live;
  if (prng.chance(1, 2)) out.opened = sha256("opened");
  out.sent_up_to = SendSequence(prng.below(10));
  out.complete = prng.chance(1, 2);
  return out;
}

// What may be skipped must change nothing, whatever the time and the inbox: else replicas that look and
// replicas that do not would drift apart.
TEST(AtRest, QuietSectionsChangeNothing) {
  const AgreementParams params;
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
      Prng prng(seed);
      const auto members = static_cast<uint32_t>(1 + prng.below(13));
      ConnectionState state = open_state(mode, members);
      if (prng.chance(1, 2)) state.feed.gaps[KeyHash{}] = GapCount{3, 0};
      ASSERT_TRUE(at_rest(state));
      std::vector<Section> sections;
      for (uint32_t i = 0; i < members; ++i) sections.push_back(quiet_section(prng));
      View view(members);
      for (uint32_t i = 0; i < members; ++i) {
        ASSERT_TRUE(sections[i].quiet());
        if (prng.chance(2, 3)) view[i] = InForce{&sections[i], Height(prng.below(100))};
      }
      const Context context{Height(100), AgreedTime(Milliseconds(prng.below(1'000'000'000))),
                            prng.below(4'000'000), prng.chance(1, 2)};
      const auto outcome = evaluate(state, view, Decision{}, context, params);
      ASSERT_TRUE(outcome);
      EXPECT_EQ(archive_encode(outcome->next), archive_encode(state)) << "seed " << seed;
      EXPECT_FALSE(outcome->opened || outcome->end);
      EXPECT_TRUE(outcome->emissions.empty() && outcome->settled.empty());
    }
  }
}

TEST(AtRest, NotWhileATimerRunsOrSettledItemsAreKept) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    const ConnectionState open = open_state(mode, 4);
    EXPECT_TRUE(at_rest(open));
    for (const Phase phase : {Phase::Opening, Phase::Ended}) {
      ConnectionState state = open;
      state.phase = phase;
      EXPECT_FALSE(at_rest(state));
    }
    ConnectionState state = open;
    state.down_since[2] = AgreedTime{};
    EXPECT_FALSE(at_rest(state));
    state = open;
    state.ordered.stuck_since = AgreedTime{};
    EXPECT_FALSE(at_rest(state));
    state = open;
    state.feed.settled.push_back(SettledBlock{Height(3), {}});
    EXPECT_FALSE(at_rest(state));
    state = open;
    state.feed.decidable_since.emplace(FeedItem{}, AgreedTime{});
    EXPECT_FALSE(at_rest(state));
  }
}

TEST(Quiet, NotWithAnythingThatCounts) {
  Prng prng(1);
  const Section quiet = quiet_section(prng);
  ASSERT_TRUE(quiet.quiet());
  for (const MemberStatus status :
       {MemberStatus::Failed, MemberStatus::Ended, MemberStatus::OutMismatch, MemberStatus::OutLost}) {
    Section section = quiet;
    section.status = status;
    EXPECT_FALSE(section.quiet());
  }
  Section section = quiet;
  section.ending = Ending{};
  EXPECT_FALSE(section.quiet());
  section = quiet;
  section.heads.push_back(Head{});
  EXPECT_FALSE(section.quiet());
  section = quiet;
  section.items.push_back(FeedItem{});
  EXPECT_FALSE(section.quiet());
}

}  // namespace
}  // namespace icws::agreement
