#include "agreement/quorum.h"

#include <gtest/gtest.h>

namespace icws::agreement {
namespace {

TEST(Quorum, HoldsWhatTheRulesRelyOnForEverySize) {
  for (uint32_t n = 1; n <= 40; ++n) {
    const Quorum quorum(n);
    const uint32_t f = quorum.f(), q = quorum.q();
    EXPECT_LE(3 * f + 1, n);
    EXPECT_GT(3 * (f + 1) + 1, n);  // f is the largest such number
    EXPECT_EQ(q + f, n);            // the honest alone are a quorum
    EXPECT_GE(2 * q, n + f + 1);    // two quorums share an honest member
    EXPECT_GE(q - f, f + 1);        // the honest of a quorum outnumber the liars
    EXPECT_GT(q + (f + 1), n);      // a quorum and f+1 opponents exclude each other
    for (uint32_t count = 0; count <= n; ++count) {
      EXPECT_EQ(quorum.is_quorum(count), count >= q);
      EXPECT_EQ(quorum.has_honest(count), count > f);
    }
  }
}

}  // namespace
}  // namespace icws::agreement
