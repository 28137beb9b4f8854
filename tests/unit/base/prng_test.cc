#include "base/prng.h"

#include <gtest/gtest.h>

#include <set>

namespace icws {
namespace {

TEST(Prng, SameSeedSameNumbers) {
  Prng a(7), b(7), c(8);
  const uint64_t first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

TEST(Prng, BelowReachesEveryValueAndNoOther) {
  Prng prng(0);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(prng.below(10));
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(*seen.rbegin(), 9u);
}

}  // namespace
}  // namespace icws
