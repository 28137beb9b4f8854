#include "engine/cometbft/comet_signature.h"

#include <gtest/gtest.h>

#include "proof/report_signature.h"

namespace icws::engine {
namespace {

using replica::SignedReport;

class CometReportVerifierTest : public testing::Test {
 protected:
  SignedReport sign(uint32_t member, uint32_t round, const Bytes& report, Height height = Height(7)) const {
    const SigningKey& key = keys_.at(member);
    const Bytes signature = key.sign(proof::vote_extension_sign_bytes("chain", height, round, report));
    return {ReplicaIndex(member), height, report, CometSignature{round, signature}.encode()};
  }

  const std::vector<SigningKey> keys_{SigningKey(Bytes(32, 'a')), SigningKey(Bytes(32, 'b'))};
  // With its member's key.
  bool good(const SignedReport& report) const {
    return verifier_.verify(report, keys_.at(report.member.value).public_key());
  }

  const CometReportVerifier verifier_{"chain"};
};

TEST_F(CometReportVerifierTest, AcceptsAnyRound) {
  EXPECT_TRUE(good(sign(0, 0, "report")));
  EXPECT_TRUE(good(sign(1, 3, "report")));
}

TEST_F(CometReportVerifierTest, RefusesWhatWasNotSigned) {
  auto report = sign(0, 2, "report");
  report.report = "another";
  EXPECT_FALSE(good(report));
  report = sign(0, 2, "report");
  report.height = Height(8);
  EXPECT_FALSE(good(report));
  report = sign(0, 2, "report");
  report.member = ReplicaIndex(1);
  EXPECT_FALSE(good(report));
  EXPECT_FALSE(verifier_.verify(report, "no key"));
}

TEST_F(CometReportVerifierTest, RefusesAnotherRound) {
  auto report = sign(0, 2, "report");
  auto signature = CometSignature::decode(report.signature);
  ASSERT_TRUE(signature);
  signature->round = 3;
  report.signature = signature->encode();
  EXPECT_FALSE(good(report));
}

TEST_F(CometReportVerifierTest, RefusesSignaturesOfAnotherShape) {
  auto report = sign(0, 2, "report");
  report.signature += '\0';
  EXPECT_FALSE(good(report));
  report.signature.clear();
  EXPECT_FALSE(good(report));
  EXPECT_FALSE(CometSignature::decode(CometSignature{0x80000000u, Bytes(64, 'x')}.encode()));
  EXPECT_FALSE(CometSignature::decode(CometSignature{0, Bytes(63, 'x')}.encode()));
  EXPECT_TRUE(CometSignature::decode(CometSignature{0x7fffffffu, Bytes(64, 'x')}.encode()));
}

}  // namespace
}  // namespace icws::engine
