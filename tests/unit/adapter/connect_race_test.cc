// RFC 8305's schedule in virtual time.
#include "adapter/connect_race.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/prng.h"

namespace icws::adapter {
namespace {

using Address = ConnectRace::Address;
using Time = ConnectRace::Time;
using std::chrono::milliseconds;

constexpr Time kStart{std::chrono::hours(1)};

Address v6(int n) { return boost::asio::ip::make_address("2600::" + std::to_string(n)); }
Address v4(int n) { return boost::asio::ip::make_address("1.1.1." + std::to_string(n)); }

// What: runs a race in virtual time: answers at their times, attempts that fail after theirs.
struct Simulation {
  explicit Simulation(RaceSettings settings = {}) : race(settings) {}

  struct Started {
    int64_t at;
    Address address;
    bool operator==(const Started&) const = default;
  };

  void answer(int at, Family family, std::vector<Address> addresses) {
    answers.emplace(at, std::pair(family, std::move(addresses)));
  }
  // Not named: never fails.
  void fail(const Address& address, int after) { fails[address] = after; }

  void run(int until = 10'000) {
    for (int64_t ms = 0; ms <= until; ++ms) {
      const Time now = kStart + milliseconds(ms);
      for (auto [it, end] = answers.equal_range(static_cast<int>(ms)); it != end; ++it) {
        race.resolved(it->second.first, it->second.second, now);
      }
      for (auto [it, end] = ends.equal_range(ms); it != end; ++it) {
        race.failed(it->second == started.back().address, now);
      }
      while (const auto address = race.next(now)) {
        started.push_back({ms, *address});
        if (const auto found = fails.find(*address); found != fails.end()) {
          ends.emplace(ms + found->second, *address);
        }
      }
      // wake() neither misses an attempt nor spins.
      if (const auto wake = race.wake()) {
        ASSERT_GT(*wake, now);
      }
      if (race.over()) {
        over_at = ms;
        return;
      }
    }
  }

  ConnectRace race;
  std::multimap<int, std::pair<Family, std::vector<Address>>> answers;
  std::map<Address, int> fails;
  std::multimap<int64_t, Address> ends;
  std::vector<Started> started;
  std::optional<int64_t> over_at;
};

using Schedule = std::vector<Simulation::Started>;

TEST(ConnectRace, TakesTurnsBetweenFamiliesBeginningWithV6) {
  Simulation simulation;
  simulation.answer(10, Family::kV6, {v6(1), v6(2), v6(3)});
  simulation.answer(20, Family::kV4, {v4(1), v4(2)});
  simulation.run();
  EXPECT_EQ(simulation.started,
            (Schedule{{10, v6(1)}, {260, v4(1)}, {510, v6(2)}, {760, v4(2)}, {1010, v6(3)}}));
  EXPECT_FALSE(simulation.over_at);
}

TEST(ConnectRace, WaitsTheResolutionDelayForV6) {
  Simulation simulation;
  simulation.answer(10, Family::kV4, {v4(1)});
  simulation.run();
  EXPECT_EQ(simulation.started, (Schedule{{60, v4(1)}}));
}

TEST(ConnectRace, BeginsWithV6ThatComesWithinTheResolutionDelay) {
  Simulation simulation;
  simulation.answer(10, Family::kV4, {v4(1)});
  simulation.answer(59, Family::kV6, {v6(1)});
  simulation.run();
  EXPECT_EQ(simulation.started, (Schedule{{59, v6(1)}, {309, v4(1)}}));
}

TEST(ConnectRace, JoinsV6ThatComesLater) {
  Simulation simulation;
  simulation.answer(0, Family::kV4, {v4(1), v4(2)});
  simulation.answer(100, Family::kV6, {v6(1)});
  simulation.run();
  EXPECT_EQ(simulation.started, (Schedule{{50, v4(1)}, {300, v6(1)}, {550, v4(2)}}));
}

TEST(ConnectRace, DoesNotWaitForV6ThatDoesNotExist) {
  Simulation nothing;
  nothing.answer(10, Family::kV4, {v4(1)});
  nothing.answer(20, Family::kV6, {});
  nothing.run();
  EXPECT_EQ(nothing.started, (Schedule{{20, v4(1)}}));

  Simulation before;
  before.answer(10, Family::kV6, {});
  before.answer(20, Family::kV4, {v4(1)});
  before.run();
  EXPECT_EQ(before.started, (Schedule{{20, v4(1)}}));
}

TEST(ConnectRace, GoesOnWhenTheNewestFails) {
  Simulation simulation;
  simulation.answer(0, Family::kV6, {v6(1), v6(2)});
  simulation.answer(0, Family::kV4, {v4(1), v4(2)});
  simulation.fail(v6(1), 30);
  simulation.fail(v4(1), 5);
  simulation.run();
  EXPECT_EQ(simulation.started, (Schedule{{0, v6(1)}, {30, v4(1)}, {40, v6(2)}, {290, v4(2)}}));
}

// RFC 8305, section 5: no attempt within 10 ms of the one before.
TEST(ConnectRace, KeepsTheLeastDistanceWhenAllFailAtOnce) {
  Simulation simulation;
  simulation.answer(0, Family::kV6, {});
  simulation.answer(0, Family::kV4, {v4(1), v4(2), v4(3)});
  simulation.fail(v4(1), 1);
  simulation.fail(v4(2), 9);
  simulation.fail(v4(3), 10);
  simulation.run();
  EXPECT_EQ(simulation.started, (Schedule{{0, v4(1)}, {10, v4(2)}, {20, v4(3)}}));
  EXPECT_EQ(simulation.over_at, 30);
}

TEST(ConnectRace, KeepsThePaceWhenAnOlderOneFails) {
  Simulation simulation;
  simulation.answer(0, Family::kV6, {v6(1), v6(2)});
  simulation.answer(0, Family::kV4, {v4(1)});
  simulation.fail(v6(1), 300);
  simulation.run();
  EXPECT_EQ(simulation.started, (Schedule{{0, v6(1)}, {250, v4(1)}, {500, v6(2)}}));
}

TEST(ConnectRace, IsOverWhenAllHaveFailed) {
  Simulation simulation;
  simulation.answer(0, Family::kV6, {v6(1)});
  simulation.answer(40, Family::kV4, {v4(1)});
  simulation.fail(v6(1), 10);
  simulation.fail(v4(1), 100);
  simulation.run();
  EXPECT_EQ(simulation.started, (Schedule{{0, v6(1)}, {40, v4(1)}}));
  EXPECT_EQ(simulation.over_at, 140);
}

TEST(ConnectRace, IsOverWhenNothingResolves) {
  Simulation simulation;
  simulation.answer(10, Family::kV6, {});
  simulation.answer(30, Family::kV4, {});
  simulation.run();
  EXPECT_TRUE(simulation.started.empty());
  EXPECT_EQ(simulation.over_at, 30);
}

TEST(ConnectRace, TriesNoMoreAddressesThanItMay) {
  RaceSettings settings;
  settings.addresses_max = 3;
  Simulation simulation(settings);
  simulation.answer(0, Family::kV6, {v6(1), v6(1), v6(2), v6(3), v6(4)});
  simulation.answer(0, Family::kV4, {});
  for (int i = 1; i <= 4; ++i) simulation.fail(v6(i), 1);
  simulation.run();
  EXPECT_EQ(simulation.started, (Schedule{{0, v6(1)}, {10, v6(2)}, {20, v6(3)}}));
  EXPECT_EQ(simulation.over_at, 21);
}

TEST(ConnectRace, TriesOneAddressWithoutALookUp) {
  ConnectRace race({});
  race.only(v4(1), kStart);
  EXPECT_EQ(race.next(kStart), v4(1));
  EXPECT_FALSE(race.next(kStart));
  EXPECT_FALSE(race.over());
  race.failed(true, kStart);
  EXPECT_TRUE(race.over());
}

// Whatever the network does: each address is tried once, attempts keep their distance, and the race ends.
TEST(ConnectRace, HoldsAtRandom) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Prng prng(seed);
    RaceSettings settings;
    settings.addresses_max = 1 + prng.below(12);
    Simulation simulation(settings);
    std::vector<Address> six, four;
    for (uint64_t i = prng.below(6); i > 0; --i) six.push_back(v6(static_cast<int>(i)));
    for (uint64_t i = prng.below(6); i > 0; --i) four.push_back(v4(static_cast<int>(i)));
    for (const auto& list : {six, four}) {
      for (const auto& address : list) simulation.fail(address, 1 + static_cast<int>(prng.below(600)));
    }
    simulation.answer(static_cast<int>(prng.below(200)), Family::kV6, six);
    simulation.answer(static_cast<int>(prng.below(200)), Family::kV4, four);
    simulation.run(20'000);
    ASSERT_TRUE(simulation.over_at) << seed;
    ASSERT_EQ(simulation.started.size(), std::min(six.size() + four.size(), settings.addresses_max)) << seed;
    std::map<Address, int> times;
    for (size_t i = 0; i < simulation.started.size(); ++i) {
      ASSERT_EQ(++times[simulation.started[i].address], 1) << seed;
      if (i == 0) continue;
      const auto& before = simulation.started[i - 1];
      const auto distance = simulation.started[i].at - before.at;
      ASSERT_GE(distance, 10) << seed;
      ASSERT_TRUE(distance >= 250 || distance >= simulation.fails[before.address]) << seed;
    }
  }
}

}  // namespace
}  // namespace icws::adapter
