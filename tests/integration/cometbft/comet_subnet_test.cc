// A subnet on four CometBFT nodes: what a user sees, and what survives an end of all of it.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "agreement/replica_set.h"
#include "base/signature.h"
#include "proof/verify.h"
#include "replica/membership.h"
#include "tests/integration/cometbft/comet_fixture.h"
#include "tools/cluster_file.h"
#include "tools/key_file.h"

namespace icws {
namespace {

class CometSubnetTest : public support::CometTest {
 protected:
  // Replica 0 gets another key, and all four have signed.
  Bytes signed_rotation(const replica::v1::ListReplicasResponse& listed) {
    std::vector<Bytes> keys;
    for (const auto& member : listed.sets(0).members()) keys.push_back(member.public_key());
    const agreement::ReplicaSet set = agreement::genesis_replicas(keys);
    agreement::SignedSetChange out;
    out.change = {set.hash(), 1, Height(listed.height() + 1'000), set.members};
    out.change.members[0].public_key = SigningKey(Bytes(32, 'n')).public_key();
    const Bytes message = agreement::set_change_sign_bytes(listed.chain_id(), out.change);
    for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
      const SigningKey key(tools::read_key_file(subnet_->layout().key_file(i)).value());
      out.signatures.push_back({set.members[i].index, key.sign(message)});
    }
    return replica::encode_set_change(out);
  }
};

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

// Validators do not follow the set in this version: a change must go nowhere, however well it is signed.
TEST_F(CometSubnetTest, AChangeOfTheReplicaSetIsRefused) {
  begin();
  const auto listed = subnet_->replica(0).replicas(support::kTestDeadline);
  ASSERT_TRUE(listed) << listed.error().error_message();
  ASSERT_EQ(listed->sets_size(), 1);
  const auto answer = subnet_->replica(0).change_replicas(signed_rotation(*listed), support::kTestDeadline);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(answer.error().error_message().find("CometBFT"), std::string::npos);
  push(20);
  expect_all_on();
  const auto after = subnet_->replica(0).replicas(support::kTestDeadline);
  ASSERT_TRUE(after) << after.error().error_message();
  ASSERT_EQ(after->sets_size(), 1);
  EXPECT_EQ(after->sets(0).version(), 0u);
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
