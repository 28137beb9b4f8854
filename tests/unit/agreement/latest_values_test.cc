#include "agreement/latest_values.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace icws::agreement {
namespace {

LocalTime at(int64_t ms) { return LocalTime(Milliseconds(ms)); }

std::vector<LatestValue> all(const LatestValues& values, int64_t now) {
  return values.list(0, 1 << 20, 1 << 20, at(now));
}

TEST(LatestValues, KeepsTheNewestWithItsAge) {
  LatestValues values;
  values.put("b", "1", at(10));
  values.put("a", "2", at(20));
  values.put("b", "3", at(30));
  EXPECT_EQ(all(values, 100),
            (std::vector<LatestValue>{{"a", "2", Milliseconds(80)}, {"b", "3", Milliseconds(70)}}));
}

TEST(LatestValues, ForgetsTheOldAndTheNamed) {
  LatestValues values;
  values.put("a", "1", at(10));
  values.put("b", "1", at(20));
  values.put("a", "2", at(30));
  values.forget_before(at(30));
  EXPECT_EQ(all(values, 30), (std::vector<LatestValue>{{"a", "2", Milliseconds(0)}}));
  values.forget("a");
  values.forget("unknown");
  EXPECT_EQ(values.size(), 0u);
}

TEST(LatestValues, RefusesWhatIsTooLarge) {
  LatestValues values;
  EXPECT_TRUE(values.put(Bytes(kValueKeyBytesMax, 'k'), Bytes(kValueBytesMax, 'v'), at(0)));
  EXPECT_FALSE(values.put(Bytes(kValueKeyBytesMax + 1, 'k'), "v", at(0)));
  EXPECT_FALSE(values.put("k", Bytes(kValueBytesMax + 1, 'v'), at(0)));
  EXPECT_EQ(values.size(), 1u);
}

TEST(LatestValues, ForgetsTheSilentKeyWhereThereAreTooMany) {
  LatestValues values;
  for (size_t i = 0; i < kValueKeysMax; ++i) values.put("k" + std::to_string(i), "1", at(0));
  values.put("k0", "2", at(1));
  values.put("one more", "1", at(2));
  EXPECT_EQ(values.size(), kValueKeysMax);
  const auto list = all(values, 2);
  const auto has = [&](const char* key) {
    return std::ranges::any_of(list, [&](const LatestValue& value) { return value.key == key; });
  };
  EXPECT_TRUE(has("k0"));
  EXPECT_TRUE(has("one more"));
  EXPECT_FALSE(has("k1"));
}

TEST(LatestValues, ListsWhatFitsFromTheTurnOn) {
  LatestValues values;
  for (int i = 0; i < 20; ++i) values.put("k" + std::to_string(10 + i), "v", at(0));
  const size_t one = 3 + 1 + kValueOverheadBytes;
  EXPECT_EQ(values.list(0, 5 * one, 100, at(0)).size(), 5u);
  EXPECT_EQ(values.list(0, 5 * one - 1, 100, at(0)).size(), 4u);
  EXPECT_EQ(values.list(0, 1 << 20, 7, at(0)).size(), 7u);
  EXPECT_EQ(values.list(0, 0, 7, at(0)).size(), 0u);
  std::set<Bytes> seen;
  for (uint32_t turn = 0; turn < 16; ++turn) {
    for (const LatestValue& value : values.list(turn << 28, 5 * one, 100, at(0))) seen.insert(value.key);
  }
  EXPECT_EQ(seen.size(), 20u);
}

}  // namespace
}  // namespace icws::agreement
