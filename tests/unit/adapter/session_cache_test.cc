#include "adapter/session_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace icws::adapter {
namespace {

using std::chrono::minutes;

constexpr SessionCache::Time kNow{std::chrono::hours(100)};

TEST(SessionCache, HandsATicketOutOnceAndASessionAgainAndAgain) {
  SessionCache cache(10);
  cache.put("a:443", "ticket", true, kNow);
  EXPECT_EQ(cache.take("a:443", kNow), "ticket");
  EXPECT_FALSE(cache.take("a:443", kNow));
  cache.put("a:443", "session", false, kNow);
  EXPECT_EQ(cache.take("a:443", kNow), "session");
  EXPECT_EQ(cache.take("a:443", kNow), "session");
  EXPECT_FALSE(cache.take("b:443", kNow));
}

TEST(SessionCache, KeepsTheNewestOfADestination) {
  SessionCache cache(10);
  for (const char* name : {"1", "2", "3"}) cache.put("a:443", name, true, kNow);
  EXPECT_EQ(cache.bytes(), 2U);
  EXPECT_EQ(cache.take("a:443", kNow), "3");
  EXPECT_EQ(cache.take("a:443", kNow), "2");
  EXPECT_FALSE(cache.take("a:443", kNow));
  EXPECT_EQ(cache.destinations(), 0U);
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(SessionCache, ForgetsAfterAnHour) {
  SessionCache cache(10);
  cache.put("a:443", "old", false, kNow);
  EXPECT_TRUE(cache.take("a:443", kNow + minutes(59)));
  EXPECT_FALSE(cache.take("a:443", kNow + minutes(60)));
  EXPECT_EQ(cache.destinations(), 0U);
}

TEST(SessionCache, ForgetsAtAFailure) {
  SessionCache cache(10);
  cache.put("a:443", "x", false, kNow);
  cache.forget("a:443");
  cache.forget("b:443");
  EXPECT_FALSE(cache.take("a:443", kNow));
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(SessionCache, DropsTheLeastRecentlyUsed) {
  SessionCache cache(2);
  cache.put("a", "x", false, kNow);
  cache.put("b", "x", false, kNow);
  EXPECT_TRUE(cache.take("a", kNow));
  cache.put("c", "x", false, kNow);
  EXPECT_TRUE(cache.take("a", kNow));
  EXPECT_FALSE(cache.take("b", kNow));
  EXPECT_TRUE(cache.take("c", kNow));
}

TEST(SessionCache, IsBoundedWhateverServersSend) {
  constexpr size_t kDestinations = 50;
  SessionCache cache(kDestinations);
  for (int i = 0; i < 5'000; ++i) {
    const auto name = std::to_string(i % 777);
    cache.put(name, Bytes(SessionCache::kSessionBytesMax, 'x'), i % 3 == 0, kNow);
    cache.put(name, Bytes(SessionCache::kSessionBytesMax + 1, 'y'), false, kNow);
    ASSERT_LE(cache.destinations(), kDestinations);
    ASSERT_LE(cache.bytes(),
              kDestinations * SessionCache::kSessionsPerDestination * SessionCache::kSessionBytesMax);
  }
  SessionCache nothing(0);
  nothing.put("a", "x", false, kNow);
  EXPECT_FALSE(nothing.take("a", kNow));
}

}  // namespace
}  // namespace icws::adapter
