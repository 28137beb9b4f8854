// Rates, limits of opens, pacing of reads: all in virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "adapter/open_limiter.h"
#include "adapter/receive_pacer.h"
#include "base/prng.h"

namespace icws::adapter {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Time = TokenBucket::Time;

constexpr Time kStart{seconds(1'000'000)};
constexpr nanoseconds kNow{0};

TEST(TokenBucket, GivesItsBurstAndThenItsRate) {
  TokenBucket bucket(10, 5);
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(bucket.wait(kStart), kNow) << i;
    bucket.take(1, kStart);
  }
  EXPECT_EQ(bucket.wait(kStart), milliseconds(100));
  EXPECT_EQ(bucket.wait(kStart + milliseconds(99)), milliseconds(1));
  EXPECT_EQ(bucket.wait(kStart + milliseconds(100)), kNow);
  EXPECT_FALSE(bucket.full(kStart + milliseconds(499)));
  EXPECT_TRUE(bucket.full(kStart + milliseconds(500)));
}

TEST(TokenBucket, LosesNothingToRounding) {
  // A third of a nanosecond each.
  TokenBucket bucket(3'000'000'000, 1);
  for (int i = 0; i < 3'000'000; ++i) bucket.take(1, kStart);
  EXPECT_EQ(bucket.wait(kStart), milliseconds(1));
}

TEST(TokenBucket, NeverHoldsMoreThanItsCapacity) {
  TokenBucket bucket(10, 2);
  bucket.take(1, kStart);
  bucket.give_back(1);
  bucket.give_back(1);
  const Time later = kStart + seconds(3'600);
  bucket.take(2, later);
  EXPECT_EQ(bucket.wait(later), milliseconds(100));
}

TEST(TokenBucket, HoldsAtItsLargestValues) {
  TokenBucket bucket(1ULL << 40, 1ULL << 40);
  bucket.take(1ULL << 33, kStart);
  EXPECT_EQ(bucket.wait(kStart), kNow);
  EXPECT_TRUE(bucket.full(kStart + milliseconds(8)));
}

// Whatever is asked for and when: in no window goes out more than the capacity and the rate times its length.
TEST(TokenBucket, KeepsToItsRateInEveryWindow) {
  Prng prng(7);
  TokenBucket bucket(50, 20);
  std::vector<Time> taken;
  Time now = kStart;
  for (int i = 0; i < 5'000; ++i) {
    now += milliseconds(prng.below(30));
    while (prng.chance(2, 3) && bucket.wait(now) == kNow) {
      bucket.take(1, now);
      taken.push_back(now);
    }
  }
  for (size_t first = 0; first < taken.size(); first += 7) {
    for (size_t last = first; last < taken.size(); last += 13) {
      const auto window = std::chrono::duration<double>(taken[last] - taken[first]).count();
      ASSERT_LE(static_cast<double>(last - first + 1), 20 + window * 50 + 1e-6);
    }
  }
}

OpenLimits small_limits() {
  OpenLimits out;
  out.connections_per_canister_max = 3;
  out.connections_per_destination_max = 2;
  out.opens_per_second_max = 1'000;
  out.opens_per_second_per_canister_max = 10;
  out.opens_per_second_per_destination_max = 5;
  out.open_wait = milliseconds(1'000);
  return out;
}

TEST(OpenLimiter, CountsConnectionsOfACanister) {
  OpenLimiter limiter(small_limits());
  std::vector<OpenLimiter::Place> places;
  for (int i = 0; i < 3; ++i) {
    auto place = limiter.enter_canister("a", kStart);
    ASSERT_TRUE(place);
    places.push_back(std::move(*place));
  }
  EXPECT_EQ(limiter.enter_canister("a", kStart).error(), Limit::kConnectionsPerCanisterMax);
  EXPECT_TRUE(limiter.enter_canister("b", kStart));
  places.pop_back();
  EXPECT_TRUE(limiter.enter_canister("a", kStart));
}

TEST(OpenLimiter, LeavesThoseWithoutACanisterAlone) {
  OpenLimiter limiter(small_limits());
  std::vector<OpenLimiter::Place> places;
  for (int i = 0; i < 100; ++i) {
    auto place = limiter.enter_canister("", kStart);
    ASSERT_TRUE(place);
    EXPECT_FALSE(*place);
  }
  EXPECT_EQ(limiter.canisters(), 0U);
}

TEST(OpenLimiter, CountsConnectionsToADestinationOverAllCanisters) {
  OpenLimiter limiter(small_limits());
  auto one = limiter.enter_destination("a:443", kStart);
  auto two = limiter.enter_destination("a:443", kStart);
  ASSERT_TRUE(one && two);
  EXPECT_EQ(limiter.enter_destination("a:443", kStart).error(), Limit::kConnectionsPerDestinationMax);
  EXPECT_TRUE(limiter.enter_destination("a:80", kStart));
  // Moving a place neither frees nor doubles it.
  auto moved = std::move(*one);
  *one = std::move(moved);
  EXPECT_FALSE(limiter.enter_destination("a:443", kStart));
  *two = OpenLimiter::Place();
  EXPECT_TRUE(limiter.enter_destination("a:443", kStart));
}

TEST(OpenLimiter, PacesOpensAndRefusesWhatWouldWaitTooLong) {
  OpenLimiter limiter(small_limits());
  // Ten at once, then one each 200 ms; the one that would wait more than a second is refused.
  std::vector<nanoseconds> waits;
  while (true) {
    const auto wait = limiter.reserve_open("", "a:443", kStart);
    if (!wait) {
      EXPECT_EQ(wait.error(), Limit::kOpensPerSecondPerDestinationMax);
      break;
    }
    waits.push_back(*wait);
  }
  ASSERT_EQ(waits.size(), 15U);
  EXPECT_EQ(waits[9], kNow);
  EXPECT_EQ(waits[10], milliseconds(200));
  EXPECT_EQ(waits[14], milliseconds(1'000));
  // What was refused has taken nothing.
  EXPECT_EQ(limiter.reserve_open("", "a:443", kStart + milliseconds(200)).value(), milliseconds(1'000));
}

TEST(OpenLimiter, PacesACanisterOverAllDestinations) {
  OpenLimiter limiter(small_limits());
  int opened = 0;
  const auto open = [&] {
    return limiter.reserve_open("a", "host" + std::to_string(opened) + ":443", kStart);
  };
  while (open()) ++opened;
  EXPECT_EQ(open().error(), Limit::kOpensPerSecondPerCanisterMax);
  // The burst of two seconds, and what comes in within the longest wait.
  EXPECT_EQ(opened, 20 + 10);
  EXPECT_EQ(limiter.reserve_open("b", "host:443", kStart).value(), kNow);
}

TEST(OpenLimiter, PacesTheNode) {
  auto limits = small_limits();
  limits.opens_per_second_max = 4;
  OpenLimiter limiter(limits);
  int opened = 0;
  const auto open = [&] {
    const auto name = std::to_string(opened);
    return limiter.reserve_open(name, name + ":443", kStart);
  };
  while (open()) ++opened;
  EXPECT_EQ(open().error(), Limit::kOpensPerSecondMax);
  EXPECT_EQ(opened, 8 + 4);
}

TEST(OpenLimiter, MakesAttemptsAtAnAddressAtOnceOrNotAtAll) {
  OpenLimiter limiter(small_limits());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(limiter.take_attempt("192.0.2.1:443", kStart));
  EXPECT_FALSE(limiter.take_attempt("192.0.2.1:443", kStart));
  EXPECT_TRUE(limiter.take_attempt("192.0.2.1:443", kStart + milliseconds(200)));
}

TEST(OpenLimiter, ForgetsWhomNothingIsKnownOf) {
  auto limits = small_limits();
  limits.opens_per_second_max = 1'000'000;
  OpenLimiter limiter(limits);
  const auto kept = limiter.enter_destination("kept:443", kStart);
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 100; ++i) {
      const auto name = std::to_string(second) + "-" + std::to_string(i);
      ASSERT_TRUE(limiter.reserve_open(name, name + ":443", kStart + seconds(second)));
    }
  }
  EXPECT_LE(limiter.destinations(), 1'000U);
  EXPECT_LE(limiter.canisters(), 1'000U);
  ASSERT_TRUE(kept);
  // Still counted.
  const auto second = limiter.enter_destination("kept:443", kStart);
  EXPECT_FALSE(limiter.enter_destination("kept:443", kStart));
}

TEST(OpenLimiter, TakesNewLimitsWhileConnectionsLive) {
  OpenLimiter limiter(small_limits());
  const auto one = limiter.enter_destination("a:443", kStart);
  auto limits = small_limits();
  limits.connections_per_destination_max = 1;
  limiter.set_limits(limits);
  EXPECT_FALSE(limiter.enter_destination("a:443", kStart));
}

TEST(OpenLimiter, NamesTheSettingThatWasMet) {
  EXPECT_NE(limit_text(Limit::kOpensPerSecondPerDestinationMax).find("opens_per_second_per_destination_max"),
            std::string::npos);
}

// --- Pacing of reads.

TEST(ReceivePacer, LetsABurstThroughAndThenItsRate) {
  ReceivePacer pacer({1'000'000, 100'000});
  auto source = pacer.source("a", kStart);
  int paced = 0;
  Time now = kStart;
  for (int i = 0; i < 1'000; ++i) {
    const auto wait = source.reserve(now);
    if (wait.time > kNow) {
      ++paced;
      EXPECT_EQ(wait.limit, Limit::kReceiveBytesPerSecondPerCanisterMax);
    }
    now += wait.time;
    source.settle(10'000, now);
  }
  // 10 MB at 100 kB/s, less the burst of a second.
  const auto took = std::chrono::duration<double>(now - kStart).count();
  EXPECT_NEAR(took, 99.0, 1.0);
  EXPECT_GT(paced, 900);
}

TEST(ReceivePacer, LimitsTheNodeOverAllCanisters) {
  ReceivePacer pacer({100'000, 1'000'000});
  auto a = pacer.source("a", kStart);
  auto b = pacer.source("b", kStart);
  auto nobody = pacer.source("", kStart);
  Time now = kStart;
  for (int i = 0; i < 200; ++i) {
    for (auto* source : {&a, &b, &nobody}) {
      now += source->reserve(now).time;
      source->settle(1'000, now);
    }
  }
  EXPECT_NEAR(std::chrono::duration<double>(now - kStart).count(), 5.0, 0.2);
}

// Two connections of one canister that always have something to read: their turns alternate, and neither
// waits for the other's whole backlog.
TEST(ReceivePacer, GivesEachConnectionItsTurn) {
  ReceivePacer pacer({1'000'000'000, 64'000});
  struct Reader {
    ReceivePacer::Source source;
    Time due;
    uint64_t bytes = 0;
  };
  std::vector<Reader> readers;
  for (int i = 0; i < 3; ++i) readers.push_back({pacer.source("a", kStart), kStart});
  for (auto& reader : readers) reader.due = kStart + reader.source.reserve(kStart).time;
  Time now = kStart;
  while (now < kStart + seconds(30)) {
    auto& next = *std::ranges::min_element(readers, {}, &Reader::due);
    now = next.due;
    // One reads much each time, the others little.
    const uint64_t bytes = &next == &readers[0] ? 16'000 : 600;
    next.source.settle(bytes, now);
    next.bytes += bytes;
    next.due = now + next.source.reserve(now).time;
  }
  EXPECT_NEAR(static_cast<double>(readers[0].bytes + readers[1].bytes + readers[2].bytes), 64'000.0 * 31,
              64'000.0);
  // As many turns each.
  EXPECT_NEAR(static_cast<double>(readers[1].bytes) / 600, static_cast<double>(readers[0].bytes) / 16'000,
              25);
}

TEST(ReceivePacer, TakesNothingForAnAttemptThatFoundNothing) {
  ReceivePacer pacer({1'000, 1'000});
  auto source = pacer.source("a", kStart);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(source.reserve(kStart).time, kNow);
    source.settle(0, kStart);
  }
}

TEST(ReceivePacer, OutlivesReconnectsAndForgetsTheSilent) {
  ReceivePacer pacer({1'000'000'000, 1'000});
  {
    auto source = pacer.source("a", kStart);
    source.reserve(kStart);
    source.settle(5'000, kStart);
  }
  // A new connection of the same canister begins with the debt of the old one.
  EXPECT_EQ(pacer.source("a", kStart).reserve(kStart).time, seconds(4) + milliseconds(1));
  for (int i = 0; i < 1'000; ++i) {
    const Time now = kStart + milliseconds(10 * i);
    auto source = pacer.source(std::to_string(i), now);
    source.reserve(now);
    source.settle(1, now);
  }
  EXPECT_LE(pacer.canisters(), 300U);
}

}  // namespace
}  // namespace icws::adapter
