#include "engine/cometbft/ingress.h"

#include <gtest/gtest.h>

#include "base/archive.h"
#include "replica/batches.h"
#include "replica/canister.h"

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
  Bytes sealed(uint32_t gateway = 0, Height expiry = Height(110)) const {
    return encode_ingress(keys_.at(gateway), "chain", ReplicaIndex(gateway), expiry, transaction());
  }
  std::optional<IngressFault> fault(BytesView envelope) const {
    const auto opened = check_.open(envelope, kNow);
    return opened ? std::nullopt : std::optional(opened.error());
  }
  // One member changed after signing.
  Bytes altered(auto change) const {
    auto ingress = archive_decode<Ingress>(sealed());
    change(*ingress);
    return archive_encode(*ingress);
  }

  const std::vector<SigningKey> keys_{SigningKey(Bytes(32, 'a')), SigningKey(Bytes(32, 'b'))};
  const IngressCheck check_{{"chain", kBytesMax, kMemory}, {keys_[0].public_key(), keys_[1].public_key()}};
};

TEST_F(IngressTest, OpensWhatAReplicaSigned) {
  const auto opened = check_.open(sealed(1), kNow);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->gateway, ReplicaIndex(1));
  EXPECT_EQ(opened->transaction, transaction());
}

TEST_F(IngressTest, TakesAnOwnersBatch) {
  const Bytes batch = replica::encode_batch_transaction({"batch", "signature"});
  EXPECT_EQ(fault(encode_ingress(keys_[0], "chain", ReplicaIndex(0), Height(110), batch)), std::nullopt);
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
  EXPECT_EQ(fault(encode_ingress(keys_[0], "other", ReplicaIndex(0), Height(110), transaction())),
            IngressFault::WrongSignature);
}

TEST_F(IngressTest, RefusesWhatTheCoreWouldNotRun) {
  EXPECT_EQ(fault(encode_ingress(keys_[0], "chain", ReplicaIndex(0), Height(110), "junk")),
            IngressFault::BadTransaction);
}

TEST_F(IngressTest, RefusesOversizeAtTheEdge) {
  const size_t frame = transaction(200).size() - 200;
  const auto seal = [&](size_t bytes) {
    return encode_ingress(keys_[0], "chain", ReplicaIndex(0), Height(110), transaction(bytes - frame));
  };
  EXPECT_EQ(fault(seal(kBytesMax)), std::nullopt);
  EXPECT_EQ(fault(seal(kBytesMax + 1)), IngressFault::Oversize);
  EXPECT_EQ(fault(Bytes(kBytesMax + kIngressOverheadBytes + 1, 'x')), IngressFault::Oversize);
}

TEST_F(IngressTest, RefusesEveryTornEnvelope) {
  const Bytes whole = sealed();
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_TRUE(fault(whole.substr(0, size))) << size;
  EXPECT_EQ(fault(whole + '\0'), IngressFault::Malformed);
}

TEST_F(IngressTest, ARecheckTrustsTheSignatureOnly) {
  const Bytes forged = altered([](Ingress& in) { in.signature[0] ^= 1; });
  EXPECT_TRUE(check_.open(forged, kNow, IngressCheck::Signature::Trust));
  EXPECT_FALSE(check_.open(forged, kNow.next(11), IngressCheck::Signature::Trust));
}

}  // namespace
}  // namespace icws::engine
