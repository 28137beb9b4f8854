// 500 of 1,000 seeds: this program takes every second one. Everything else follows from the seed.
#include <gtest/gtest.h>

#include "sim/world.h"
#include "tests/sim/recorded.h"

namespace icws::sim {
namespace {

TEST(Simulation, HoldsOnEverySeed) {
  const std::optional<Captures> captures = recorded_captures();
  uint64_t messages = 0, crashes = 0, rejected = 0, gaps = 0, closes = 0;
  for (uint64_t seed = ICWS_FIRST_SEED; seed < 1'000; seed += ICWS_SEED_STEP) {
    Options options;
    options.seed = seed;
    const RunResult result = run(make_plan(options), captures ? &*captures : nullptr);
    ASSERT_TRUE(result.violations.empty())
        << result.violations.front() << "\nreplay with: icws-sim --shrink --seed " << seed
        << (captures ? " (with ICWS_CAPTURES; its clock begins with the first message)" : "");
    messages += result.messages;
    crashes += result.crashes;
    rejected += result.rejected_proposals;
    gaps += result.gaps;
    closes += result.closes;
  }
  // The runs were no idle ones.
  EXPECT_GT(messages, 80'000u);
  EXPECT_GT(crashes, 300u);
  EXPECT_GT(rejected, 500u);
  EXPECT_GT(gaps, 500u);
  EXPECT_GT(closes, 300u);
}

}  // namespace
}  // namespace icws::sim
