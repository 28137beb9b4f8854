#include <gtest/gtest.h>

#include "sim/world.h"

namespace icws::sim {
namespace {

Options short_run(uint64_t seed) {
  Options options;
  options.seed = seed;
  options.duration = Milliseconds(8'000);
  return options;
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  for (const uint64_t seed : {3u, 14u, 159u, 265u}) {
    EXPECT_EQ(run(short_run(seed)).digest, run(short_run(seed)).digest) << "seed " << seed;
  }
}

TEST(Simulation, WithoutLossesEverythingIsAgreed) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Options options = short_run(seed);
    options.crashes = false;
    options.message_loss = 0;
    const RunResult result = run(options);
    ASSERT_TRUE(result.violations.empty())
        << result.violations.front() << "\nreplay with: icws-sim " << to_string(options);
  }
}

TEST(Simulation, HoldsWithSevenReplicas) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Options options = short_run(seed);
    options.replicas = 7;
    const RunResult result = run(options);
    ASSERT_TRUE(result.violations.empty())
        << result.violations.front() << "\nreplay with: icws-sim " << to_string(options);
  }
}

// The canaries: a checker that never complains would pass everything.
TEST(Simulation, FindsAReplicaThatSkipsABlock) {
  Options options = short_run(1);
  options.planted = Planted::SkipOneBlock;
  EXPECT_FALSE(run(options).violations.empty());
}

TEST(Simulation, FindsAReplicaThatForgetsWhatItHasSettled) {
  bool found = false;
  // It shows only where most replicas lose power with unacknowledged events: about one seed in fifty without
  // a liar.
  for (uint64_t seed = 0; seed < 500 && !found; ++seed) {
    Options options = short_run(seed);
    options.byzantine_from_seed = false;
    options.planted = Planted::LoseLocalRecords;
    found = !run(options).violations.empty();
  }
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace icws::sim
