// 500 of 1,000 seeds: this program takes every second one. Faults and lies are chosen by the seed.
#include <gtest/gtest.h>

#include "sim/world.h"

namespace icws::sim {
namespace {

TEST(Simulation, HoldsItsInvariantsOnEverySeed) {
  uint64_t messages = 0, crashes = 0, rejected = 0, orders = 0, copies = 0;
  for (uint64_t seed = ICWS_FIRST_SEED; seed < 1'000; seed += ICWS_SEED_STEP) {
    Options options;
    options.seed = seed;
    options.duration = Milliseconds(8'000);
    const RunResult result = run(options);
    ASSERT_TRUE(result.violations.empty())
        << result.violations.front() << "\nreplay with: icws-sim " << to_string(options);
    messages += result.messages;
    crashes += result.crashes;
    rejected += result.rejected_proposals;
    orders += result.orders;
    copies += result.order_copies;
  }
  // The runs were no idle ones.
  EXPECT_GT(messages, 100'000u);
  EXPECT_GT(crashes, 500u);
  EXPECT_GT(rejected, 500u);
  // Half have one writer, half two of four: doubles come only from take-overs and lost sockets.
  EXPECT_LT(copies, 2 * orders);
  RecordProperty("orders", static_cast<int>(orders));
  RecordProperty("copies", static_cast<int>(copies));
}

}  // namespace
}  // namespace icws::sim
