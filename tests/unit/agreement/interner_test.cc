#include "agreement/interner.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace icws::agreement {
namespace {

// A digest that hashes as a liar wants: all in one place.
ContentId crowded(uint32_t number) {
  ContentId out;
  std::memcpy(&out.digest.bytes[8], &number, sizeof number);
  return out;
}

TEST(Interner, NumbersInOrderOfComing) {
  Prng prng(1);
  Interner<FeedItem> items;
  std::vector<FeedItem> all;
  for (uint32_t i = 0; i < 3'000; ++i) {
    const ContentId content = feed_content_id(ObservationKind::Text, "key", std::to_string(i));
    all.push_back(FeedItem{content, 1 + static_cast<uint32_t>(prng.below(3))});
    EXPECT_EQ(items.find(all.back()), items.size());
    const auto added = items.add(all.back(), static_cast<uint32_t>(prng.below(4'000)));
    EXPECT_EQ(added.number, i);
    EXPECT_TRUE(added.fresh);
  }
  for (uint32_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(items.find(all[i]), i);
    EXPECT_EQ(items[i], all[i]);
    const auto again = items.add(all[i], static_cast<uint32_t>(prng.below(4'000)));
    EXPECT_EQ(again.number, i);
    EXPECT_FALSE(again.fresh);
  }
}

TEST(Interner, ChosenDigestsDoNotHurt) {
  Interner<ContentId> contents;
  constexpr uint32_t kMany = 100'000;
  for (uint32_t i = 0; i < kMany; ++i) ASSERT_EQ(contents.add(crowded(i)).number, i);
  for (uint32_t i = 0; i < kMany; ++i) {
    ASSERT_EQ(contents.find(crowded(i)), i);
    ASSERT_FALSE(contents.add(crowded(i)).fresh);
  }
  EXPECT_EQ(contents.find(crowded(kMany)), contents.size());
}

}  // namespace
}  // namespace icws::agreement
