#include "adapter/turn_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/prng.h"

namespace icws::adapter {
namespace {

TEST(TurnQueue, GivesTurnsInOrderAndLanesByTurns) {
  TurnQueue queue(10, 10);
  queue.wait("a", 1);
  queue.wait("a", 2);
  queue.wait("a", 3);
  queue.wait("b", 4);
  queue.wait("c", 5);
  std::vector<uint64_t> order;
  while (const auto id = queue.next()) order.push_back(*id);
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 4, 5, 2, 3}));
}

TEST(TurnQueue, KeepsToItsLimits) {
  TurnQueue queue(3, 2);
  for (uint64_t id = 1; id <= 3; ++id) queue.wait("a", id);
  EXPECT_EQ(queue.next(), 1U);
  EXPECT_EQ(queue.next(), 2U);
  // The lane has what it may have.
  EXPECT_FALSE(queue.next());
  queue.wait("b", 4);
  queue.wait("b", 5);
  EXPECT_EQ(queue.next(), 4U);
  // All turns are out.
  EXPECT_FALSE(queue.next());
  queue.finished("a");
  EXPECT_EQ(queue.next(), 3U);
  EXPECT_EQ(queue.turns(), 3U);
}

TEST(TurnQueue, LetsThoseWhoWaitLeave) {
  TurnQueue queue(1, 1);
  queue.wait("a", 1);
  queue.wait("b", 2);
  queue.leave("a", 1);
  queue.leave("a", 1);
  queue.leave("c", 9);
  EXPECT_EQ(queue.next(), 2U);
  queue.finished("b");
  EXPECT_EQ(queue.lanes(), 0U);
  EXPECT_EQ(queue.turns(), 0U);
}

// One lane asks for much and holds its turns long; the others get theirs within a round all the same.
TEST(TurnQueue, StarvesNobody) {
  constexpr size_t kLanes = 5;
  TurnQueue queue(8, 4);
  Prng prng(1);
  struct Running {
    std::string lane;
    uint64_t until;
  };
  std::vector<Running> running;
  std::map<uint64_t, std::pair<std::string, uint64_t>> waiting;
  uint64_t id = 0, longest = 0;
  for (uint64_t now = 0; now < 5'000; ++now) {
    for (int i = 0; i < 3; ++i) {
      queue.wait("greedy", ++id);
      waiting[id] = {"greedy", now};
    }
    const std::string modest = "lane" + std::to_string(prng.below(kLanes));
    if (now % 4 == 0) {
      queue.wait(modest, ++id);
      waiting[id] = {modest, now};
    }
    for (const auto& one : running) {
      if (one.until == now) queue.finished(one.lane);
    }
    std::erase_if(running, [&](const auto& one) { return one.until == now; });
    while (const auto next = queue.next()) {
      const auto [lane, since] = waiting[*next];
      if (lane != "greedy") longest = std::max(longest, now - since);
      running.push_back({lane, now + (lane == "greedy" ? 100 : 1 + prng.below(3))});
      waiting.erase(*next);
    }
    ASSERT_LE(queue.turns(), 8U);
    ASSERT_LE(queue.lanes(), kLanes + 1);
  }
  EXPECT_LE(longest, 5U);
}

}  // namespace
}  // namespace icws::adapter
