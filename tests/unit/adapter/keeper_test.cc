#include "adapter/keeper.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

namespace icws::adapter {
namespace {

struct Visited final : Kept {
  std::function<void()> on_visit;
  int visits = 0;

  void keep(std::chrono::steady_clock::time_point) override {
    ++visits;
    if (on_visit) on_visit();
  }
};

class KeeperTest : public testing::Test {
 protected:
  boost::asio::io_context io_;
  Keeper keeper_{io_.get_executor(), Milliseconds(1)};
  std::vector<Visited> kept_ = std::vector<Visited>(5);
};

TEST_F(KeeperTest, VisitsAllUntilTheyAreRemoved) {
  for (auto& kept : kept_) keeper_.add(kept);
  kept_[4].on_visit = [&] {
    if (kept_[4].visits < 3) return;
    for (auto& kept : kept_) keeper_.remove(kept);
  };
  // Returns when nothing is kept: the timer is no work then.
  io_.run();
  for (const auto& kept : kept_) EXPECT_GE(kept.visits, 2);
}

TEST_F(KeeperTest, AVisitMayRemoveItselfAndAddOthers) {
  Visited late;
  late.on_visit = [&] { keeper_.remove(late); };
  for (auto& kept : kept_) {
    keeper_.add(kept);
    kept.on_visit = [&] {
      keeper_.remove(kept);
      if (&kept == &kept_[2]) keeper_.add(late);
    };
  }
  io_.run();
  for (const auto& kept : kept_) EXPECT_EQ(kept.visits, 1);
  EXPECT_EQ(late.visits, 1);
}

TEST_F(KeeperTest, BeginsAgainAfterItKeptNothing) {
  kept_[0].on_visit = [&] { keeper_.remove(kept_[0]); };
  keeper_.add(kept_[0]);
  io_.run();
  io_.restart();
  keeper_.add(kept_[0]);
  io_.run();
  EXPECT_EQ(kept_[0].visits, 2);
}

}  // namespace
}  // namespace icws::adapter
