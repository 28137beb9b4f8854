#include "agreement/feed_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace icws::agreement {
namespace {

using Lists = std::vector<std::vector<uint32_t>>;
using testing::ElementsAre;

Lists windows_of(size_t nodes, const Lists& lists) {
  const FeedWindows windows(std::vector<uint32_t>(nodes, 0), 1, lists);
  Lists out;
  for (size_t i = 0; i < windows.size(); ++i) {
    out.emplace_back(windows.nodes(i).begin(), windows.nodes(i).end());
  }
  return out;
}

TEST(FeedWindows, HaveOneNodeWhereListsOnlyLackSome) {
  EXPECT_THAT(windows_of(5, {{0, 1, 2, 3, 4}, {0, 2, 4}, {1, 3, 4}}),
              ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2), ElementsAre(3), ElementsAre(4)));
}

TEST(FeedWindows, KeepTogetherWhatSomebodySwapped) {
  EXPECT_THAT(windows_of(6, {{0, 1, 2, 3, 4, 5}, {0, 2, 1, 3, 5}, {0, 3, 4, 5}}),
              ElementsAre(ElementsAre(0), ElementsAre(1, 2), ElementsAre(3), ElementsAre(4), ElementsAre(5)));
}

TEST(FeedWindows, KeepTogetherWhatListsOrderInACircle) {
  EXPECT_THAT(windows_of(4, {{0, 1}, {1, 2}, {2, 0, 3}}), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3)));
}

TEST(FeedWindows, LookAtEachGroupAlone) {
  const FeedWindows windows({0, 1, 0, 1}, 2, {{0, 1, 2, 3}, {3, 0, 1, 2}});
  ASSERT_EQ(windows.size(), 3u);
  std::vector<uint32_t> first_group;
  for (size_t i = 0; i < windows.size(); ++i) {
    const auto nodes = windows.nodes(i);
    if (nodes.front() % 2 == 0) {
      ASSERT_EQ(nodes.size(), 1u);
      first_group.push_back(nodes.front());
    } else {
      EXPECT_THAT(std::vector<uint32_t>(nodes.begin(), nodes.end()), ElementsAre(1, 3));
    }
  }
  EXPECT_THAT(first_group, ElementsAre(0, 2));
}

// A thousand swaps would be a stack overflow in a recursive search, and a list of everything is one window.
TEST(FeedWindows, AreOneForListsTurnedAround) {
  constexpr uint32_t kMany = 100'000;
  Lists lists(2);
  for (uint32_t i = 0; i < kMany; ++i) {
    lists[0].push_back(i);
    lists[1].push_back(kMany - 1 - i);
  }
  EXPECT_EQ(windows_of(kMany, lists).size(), 1u);
}

}  // namespace
}  // namespace icws::agreement
