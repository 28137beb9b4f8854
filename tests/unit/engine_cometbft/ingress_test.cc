#include "engine/cometbft/ingress.h"

#include <gtest/gtest.h>

#include "base/archive.h"
#include "replica/batches.h"
#include "replica/canister.h"
#include "replica/membership.h"

namespace icws::engine {
namespace {

class IngressTest : public testing::Test {
 protected:
  static constexpr uint32_t kBytesMax = 1'000;
  static constexpr uint32_t kMemory = 50;
  static constexpr Height kNow{100};

  Bytes transaction(size_t arguments = 5) const {
    return replica::encode_user_call({Bytes(16, 'n'), "echo", "send", Bytes(arguments, 'x')});
  }
  // Signed with key number `key`.
  Bytes envelope(uint32_t key, uint32_t gateway, Bytes transaction, Height expiry = Height(110),
                 std::string_view chain = "chain") const {
    return encode_ingress([&](BytesView message) { return keys_.at(key).sign(message); }, chain,
                          ReplicaIndex(gateway), expiry, std::move(transaction));
  }
  Bytes sealed(uint32_t gateway = 0, Height expiry = Height(110)) const {
    return envelope(gateway, gateway, transaction(), expiry);
  }
  std::optional<IngressFault> fault(BytesView envelope) const {
    const auto opened = check_.open(envelope, kNow, gateways_);
    return opened ? std::nullopt : std::optional(opened.error());
  }
  // One member changed after signing.
  Bytes altered(auto change) const {
    auto ingress = archive_decode<Ingress>(sealed());
    change(*ingress);
    return archive_encode(*ingress);
  }

  const std::vector<SigningKey> keys_{SigningKey(Bytes(32, 'a')), SigningKey(Bytes(32, 'b')),
                                      SigningKey(Bytes(32, 'c'))};
  const agreement::ReplicaSet genesis_ =
      agreement::genesis_replicas({keys_[0].public_key(), keys_[1].public_key()});
  const ValidatorSet gateways_{genesis_};
  const IngressCheck check_{{"chain", kBytesMax, kMemory}};
};

TEST_F(IngressTest, OpensWhatAReplicaSigned) {
  const auto opened = check_.open(sealed(1), kNow, gateways_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->gateway, ReplicaIndex(1));
  EXPECT_EQ(opened->transaction, transaction());
}

TEST_F(IngressTest, TakesAnOwnersBatch) {
  const Bytes batch = replica::encode_batch_transaction({"batch", "signature"});
  EXPECT_EQ(fault(envelope(0, 0, batch)), std::nullopt);
}

TEST_F(IngressTest, LivesUntilItsExpiry) {
  EXPECT_EQ(fault(sealed(0, kNow)), std::nullopt);
  EXPECT_EQ(fault(sealed(0, Height(kNow.value - 1))), IngressFault::Expired);
}

TEST_F(IngressTest, NeverOutlivesTheMemoryOfWhatRan) {
  EXPECT_EQ(fault(sealed(0, kNow.next(kMemory - 1))), std::nullopt);
  EXPECT_EQ(fault(sealed(0, kNow.next(kMemory))), IngressFault::TooFarAhead);
  EXPECT_EQ(fault(sealed(0, Height(UINT64_MAX))), IngressFault::TooFarAhead);
}

TEST_F(IngressTest, RefusesWhatWasChangedAfterSigning) {
  EXPECT_EQ(fault(altered([](Ingress& in) { in.expiry = in.expiry.next(); })), IngressFault::WrongSignature);
  EXPECT_EQ(fault(altered([](Ingress& in) { in.gateway = ReplicaIndex(1); })), IngressFault::WrongSignature);
  EXPECT_EQ(fault(altered([this](Ingress& in) { in.transaction = transaction(6); })),
            IngressFault::WrongSignature);
  EXPECT_EQ(fault(altered([](Ingress& in) { in.gateway = ReplicaIndex(2); })), IngressFault::UnknownGateway);
}

TEST_F(IngressTest, ASignatureOfAnotherChainIsNone) {
  EXPECT_EQ(fault(envelope(0, 0, transaction(), Height(110), "other")), IngressFault::WrongSignature);
}

TEST_F(IngressTest, RefusesWhatTheCoreWouldNotRun) {
  EXPECT_EQ(fault(envelope(0, 0, "junk")), IngressFault::BadTransaction);
}

TEST_F(IngressTest, RefusesOversizeAtTheEdge) {
  const size_t frame = transaction(200).size() - 200;
  const auto seal = [&](size_t bytes) { return envelope(0, 0, transaction(bytes - frame)); };
  EXPECT_EQ(fault(seal(kBytesMax)), std::nullopt);
  EXPECT_EQ(fault(seal(kBytesMax + 1)), IngressFault::Oversize);
  EXPECT_EQ(fault(Bytes(kBytesMax + kIngressOverheadBytes + 1, 'x')), IngressFault::Oversize);
}

TEST_F(IngressTest, RefusesEveryTornEnvelope) {
  const Bytes whole = sealed();
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_TRUE(fault(whole.substr(0, size))) << size;
  EXPECT_EQ(fault(whole + '\0'), IngressFault::Malformed);
}

TEST_F(IngressTest, TakesAChangeOfTheReplicaSet) {
  const Bytes change = replica::encode_set_change({{genesis_.hash(), 1, Height(200), genesis_.members}, {}});
  EXPECT_EQ(fault(envelope(0, 0, change)), std::nullopt);
}

TEST_F(IngressTest, AGatewayThatLeftOrHasAnotherKeyIsHeardNoMore) {
  const agreement::ReplicaSet later{
      1, Height(99), ReplicaIndex(2), {{ReplicaIndex(1), keys_[2].public_key()}}};
  const ValidatorSet gateways(later);
  const auto fault = [&](const Bytes& bytes) { return check_.open(bytes, kNow, gateways).error(); };
  EXPECT_EQ(fault(sealed(0)), IngressFault::UnknownGateway);
  EXPECT_EQ(fault(sealed(1)), IngressFault::WrongSignature);
  EXPECT_TRUE(check_.open(envelope(2, 1, transaction()), kNow, gateways));
}

// What came in under an earlier key may wait there until its expiry, less than kMemory blocks later.
TEST_F(IngressTest, TheMempoolsSignaturesAreCheckedAgainWhileAnOlderOneMayWait) {
  const Bytes forged = altered([](Ingress& in) { in.signature[0] ^= 1; });
  const auto passes = [&](Height active_from, Height height) {
    agreement::ReplicaSet set = genesis_;
    set.active_from = active_from;
    return check_.open(forged, height, ValidatorSet(set), IngressOrigin::Mempool).has_value();
  };
  EXPECT_TRUE(passes(Height(kNow.value - kMemory), kNow));
  EXPECT_FALSE(passes(Height(kNow.value - kMemory + 1), kNow));
  EXPECT_FALSE(passes(kNow, kNow));
  EXPECT_FALSE(passes(Height(0), kNow.next(11))) << "expired";
}

TEST_F(IngressTest, ABlockHasOneChangeOfEachGateway) {
  BlockIngress block(check_, kNow, gateways_);
  const auto change = [&](uint64_t version) {
    return replica::encode_set_change({{genesis_.hash(), version, Height(200), genesis_.members}, {}});
  };
  EXPECT_TRUE(block.take(envelope(0, 0, change(1))));
  EXPECT_EQ(block.take(envelope(0, 0, change(2))).error(), IngressFault::SecondChange);
  EXPECT_TRUE(block.take(envelope(1, 1, change(3))));
  EXPECT_TRUE(block.take(envelope(0, 0, transaction())));
}

TEST_F(IngressTest, ABlockHasRoomForSoManyAndNoMore) {
  BlockIngress block(check_, kNow, gateways_, IngressOrigin::Mempool);
  for (size_t i = 0; i < kBlockIngressMax; ++i) ASSERT_TRUE(block.take(sealed())) << i;
  EXPECT_EQ(block.take(sealed()).error(), IngressFault::BlockFull);
}

TEST_F(IngressTest, ABlockHasRoomForSoManyBytesAndNoMore) {
  constexpr uint32_t kLarge = kBlockIngressBytesMax / 2;
  const IngressCheck check({"chain", kLarge, kMemory});
  const auto sized = [&](size_t bytes) {
    const size_t frame = envelope(0, 0, transaction(kLarge / 2)).size() - kLarge / 2;
    return envelope(0, 0, transaction(bytes - frame));
  };
  BlockIngress block(check, kNow, gateways_);
  EXPECT_TRUE(block.take(sized(kLarge)));
  EXPECT_EQ(block.take(sized(kLarge + 1)).error(), IngressFault::BlockFull);
  EXPECT_TRUE(block.take(sized(kLarge)));
  EXPECT_EQ(block.take(sealed()).error(), IngressFault::BlockFull);
}

}  // namespace
}  // namespace icws::engine
