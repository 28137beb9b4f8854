// A subnet on four CometBFT nodes: what a user sees, and what survives an end of all of it.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agreement/replica_set.h"
#include "proof/verify.h"
#include "tests/integration/cometbft/comet_fixture.h"
#include "tools/cluster_file.h"

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

// Signed over CometBFT's own sign bytes, by the validators' keys.
TEST_F(CometSubnetTest, ItsCertificatesHoldOffline) {
  begin();
  push(20);
  expect_all_on();
  const auto exported = subnet_->replica(1).export_transcript(id_, 2, 11, Milliseconds(60'000));
  ASSERT_TRUE(exported) << exported.error().error_message();
  std::ifstream file(subnet_->layout().cluster_file());
  const auto cluster = tools::parse_cluster(std::string(std::istreambuf_iterator<char>(file), {}));
  ASSERT_TRUE(cluster);
  const auto certificate = proof::decode_certificate(*exported);
  ASSERT_TRUE(certificate) << certificate.error().message;
  EXPECT_EQ(certificate->scheme, proof::SignatureScheme::CometBft);
  const auto verified =
      proof::verify(*certificate, {cluster->chain_id, agreement::genesis_replicas(cluster->replica_keys)});
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->entries.size(), 10u);
}

}  // namespace
}  // namespace icws
