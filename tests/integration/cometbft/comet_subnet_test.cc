// A subnet on four CometBFT nodes: what a user sees, and what survives an end of all of it.
#include <filesystem>

#include "tests/integration/cometbft/comet_fixture.h"

namespace icws {
namespace {

class CometSubnetTest : public support::CometTest {};

TEST_F(CometSubnetTest, EchoesInOrderOnAllReplicas) {
  begin();
  push(500);
  expect_all_on();
  expect_one_app_hash();
}

TEST_F(CometSubnetTest, CallsRunWhicheverReplicaTookThem) {
  begin();
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
    pushed_.push_back("from " + std::to_string(i));
    subnet_->send_echo(id_, pushed_.back(), i);
    // Each replica sends it, and each server-side connection answers its own.
    expect_all_on();
  }
}

TEST_F(CometSubnetTest, AFeedIsAgreedToo) {
  begin({}, ", \"mode\": \"feed\"");
  push(300);
  const auto all = [&](const auto& view) { return view.messages() == pushed_.size(); };
  EXPECT_TRUE(subnet_->wait_for(id_, all));
  EXPECT_EQ(subnet_->heads(id_).size(), 1u);
}

TEST_F(CometSubnetTest, GoesOnAfterEverythingWasKilledAtOnce) {
  begin();
  push(100);
  expect_all_on();
  const uint64_t height = subnet_->height(0);
  subnet_->stop(SIGKILL);
  subnet_->start();
  EXPECT_TRUE(subnet_->wait_for_height(height + 5));
  expect_one_app_hash();
  // The adapters died with it: the epoch has no sockets, which is agreed in time.
  EXPECT_EQ(subnet_->messages(0, id_, pushed_.size()), pushed_);
}

TEST_F(CometSubnetTest, AReplicaThatLostItsStateGetsItFromTheBlocks) {
  begin();
  push(100);
  expect_all_on();
  const uint64_t height = subnet_->height(0);
  subnet_->stop();
  std::filesystem::remove_all(subnet_->layout().state(2));
  subnet_->start();
  EXPECT_TRUE(subnet_->wait_for_height(height + 5));
  EXPECT_EQ(subnet_->messages(2, id_, pushed_.size()), pushed_);
  expect_one_app_hash();
}

}  // namespace
}  // namespace icws
