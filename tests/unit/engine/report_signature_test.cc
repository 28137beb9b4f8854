#include "engine/local/report_signature.h"

#include <gtest/gtest.h>

namespace icws::engine {
namespace {

class ReportSignatureTest : public testing::Test {
 protected:
  const SigningKey keys_[2] = {SigningKey(Bytes(32, 'a')), SigningKey(Bytes(32, 'b'))};
  const LocalReportVerifier verifier_{"chain"};
  const Bytes own_ = keys_[1].public_key();
  replica::SignedReport report_ = sign_report(keys_[1], "chain", ReplicaIndex(1), Height(7), "report");
};

TEST_F(ReportSignatureTest, AcceptsTheMembersOwnSignature) { EXPECT_TRUE(verifier_.verify(report_, own_)); }

TEST_F(ReportSignatureTest, BindsEveryField) {
  auto other = report_;
  other.height = Height(8);
  EXPECT_FALSE(verifier_.verify(other, own_));
  other = report_;
  other.report += "x";
  EXPECT_FALSE(verifier_.verify(other, own_));
  EXPECT_FALSE(verifier_.verify(report_, keys_[0].public_key()));
  other = report_;
  other.signature[5] ^= 1;
  EXPECT_FALSE(verifier_.verify(other, own_));
  other.signature.clear();
  EXPECT_FALSE(verifier_.verify(other, own_));
  EXPECT_FALSE(LocalReportVerifier("chai").verify(report_, own_));
}

TEST_F(ReportSignatureTest, RefusesAKeyOfAnotherLength) { EXPECT_FALSE(verifier_.verify(report_, "short")); }

}  // namespace
}  // namespace icws::engine
