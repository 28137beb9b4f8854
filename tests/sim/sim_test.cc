#include <gtest/gtest.h>

#include <set>

#include "sim/world.h"

namespace icws::sim {
namespace {

Plan plan_of(uint64_t seed, Planted planted = Planted::None) {
  Options options;
  options.seed = seed;
  options.planted = planted;
  return make_plan(options);
}

TEST(Simulation, ASeedGivesTheSameRunTwice) {
  for (const uint64_t seed : {3u, 14u, 159u, 265u, 358u}) {
    EXPECT_EQ(run(plan_of(seed)).digest, run(plan_of(seed)).digest) << "seed " << seed;
  }
}

TEST(Simulation, WithoutFaultsEverythingIsAgreed) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Options options;
    options.seed = seed;
    options.faults = options.losses = options.liars = false;
    const RunResult result = run(make_plan(options));
    ASSERT_TRUE(result.violations.empty()) << result.violations.front() << "\nseed " << seed;
  }
}

TEST(Simulation, HoldsWithSevenReplicasAndTwoLiars) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Options options;
    options.seed = seed;
    options.replicas = 7;
    const RunResult result = run(make_plan(options));
    ASSERT_TRUE(result.violations.empty()) << result.violations.front() << "\nseed " << seed;
  }
}

TEST(Plan, IsTheSameAfterItsText) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Plan plan = plan_of(seed);
    const auto parsed = parse_plan(to_text(plan));
    ASSERT_TRUE(parsed) << parsed.error();
    EXPECT_EQ(*parsed, plan) << "seed " << seed;
  }
}

TEST(Plan, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(parse_plan("run seed=1 colour=green"));
  EXPECT_FALSE(parse_plan("liar member=0 strategies=kindness"));
  EXPECT_FALSE(parse_plan("liar member=4 strategies=flood"));
  EXPECT_FALSE(parse_plan("fault kind=crash member=77"));
  EXPECT_FALSE(parse_plan("connection kind=feed gap=0"));
  EXPECT_FALSE(parse_plan("weather"));
  EXPECT_FALSE(parse_plan("run seed"));
  EXPECT_FALSE(parse_plan("run replicas=41"));
}

// No more faulty members than a subnet bears: else nothing that a checker says would mean anything.
TEST(Plan, HasAtMostAThirdOfFaultyMembers) {
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    const Plan plan = plan_of(seed);
    std::set<uint32_t> faulty;
    for (const LiarPlan& liar : plan.liars) EXPECT_TRUE(faulty.insert(liar.member).second);
    for (const FaultPlan& fault : plan.faults) {
      if (fault.kind == FaultKind::DiskLoss) faulty.insert(fault.member);
    }
    EXPECT_LE(3 * faulty.size() + 1, plan.replicas) << "seed " << seed;
  }
}

// The canaries: a checker that never complains would pass everything.
TEST(Simulation, FindsAReplicaThatSkipsABlock) {
  EXPECT_FALSE(run(plan_of(1, Planted::SkipOneBlock)).violations.empty());
}

TEST(Simulation, FindsAReplicaThatForgetsWhatItHasSettled) {
  bool found = false;
  for (uint64_t seed = 0; seed < 400 && !found; ++seed) {
    found = !run(plan_of(seed, Planted::LoseLocalRecords)).violations.empty();
  }
  EXPECT_TRUE(found);
}

FaultPlan change(FaultKind kind, int64_t at, uint32_t member) {
  FaultPlan out;
  out.kind = kind;
  out.at = Milliseconds(at);
  out.member = member;
  return out;
}

// A subnet of four where nothing else happens.
Plan quiet_plan() {
  Options options;
  options.seed = 3;
  options.replicas = 4;
  options.faults = options.losses = options.liars = false;
  return make_plan(options);
}

TEST(Simulation, KeysChangeAndOneLeavesWithoutATrace) {
  const RunResult calm = run(quiet_plan());
  Plan plan = quiet_plan();
  for (uint32_t member = 0; member < 4; ++member)
    plan.faults.push_back(change(FaultKind::Rotate, 600 + 50 * member, member));
  plan.faults.push_back(change(FaultKind::Leave, 900, 2));
  const RunResult changed = run(plan);
  EXPECT_TRUE(changed.violations.empty()) << changed.violations.front();
  EXPECT_EQ(changed.closes, calm.closes);
  EXPECT_NE(changed.digest, calm.digest);
}

TEST(Simulation, MoreThanFLeavingEndsEpochsAndFeedsGoOn) {
  const RunResult calm = run(quiet_plan());
  Plan plan = quiet_plan();
  plan.faults = {change(FaultKind::Leave, 600, 2), change(FaultKind::Leave, 900, 0)};
  const RunResult changed = run(plan);
  EXPECT_TRUE(changed.violations.empty()) << changed.violations.front();
  EXPECT_GT(changed.closes, calm.closes);
  EXPECT_GT(changed.messages, calm.messages / 2);
}

TEST(Simulation, ShrinksAFailureToAShortScenario) {
  Plan plan = plan_of(6, Planted::SkipOneBlock);
  plan.faults.push_back(FaultPlan{FaultKind::Pause, Milliseconds(500), Milliseconds(200), 2, {}, 0});
  const Plan small = shrink(plan, nullptr, 60);
  EXPECT_FALSE(run(small).violations.empty());
  EXPECT_TRUE(small.faults.empty());
  EXPECT_TRUE(small.liars.empty());
  EXPECT_EQ(small.connections.size(), 1u);
  EXPECT_LT(small.duration, plan.duration);
}

}  // namespace
}  // namespace icws::sim
