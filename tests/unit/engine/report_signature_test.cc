#include "engine/local/report_signature.h"

#include <gtest/gtest.h>

namespace icws::engine {
namespace {

class ReportSignatureTest : public testing::Test {
 protected:
  const SigningKey keys_[2] = {SigningKey(Bytes(32, 'a')), SigningKey(Bytes(32, 'b'))};
  const LocalReportVerifier verifier_{"chain", {keys_[0].public_key(), keys_[1].public_key()}};
  replica::SignedReport report_ = sign_report(keys_[1], "chain", ReplicaIndex(1), Height(7), "report");
};

TEST_F(ReportSignatureTest, AcceptsTheMembersOwnSignature) { EXPECT_TRUE(verifier_.verify(report_)); }

TEST_F(ReportSignatureTest, BindsEveryField) {
  auto other = report_;
  other.height = Height(8);
  EXPECT_FALSE(verifier_.verify(other));
  other = report_;
  other.report += "x";
  EXPECT_FALSE(verifier_.verify(other));
  other = report_;
  other.member = ReplicaIndex(0);
  EXPECT_FALSE(verifier_.verify(other));
  other = report_;
  other.signature[5] ^= 1;
  EXPECT_FALSE(verifier_.verify(other));
  other.signature.clear();
  EXPECT_FALSE(verifier_.verify(other));
  EXPECT_FALSE(LocalReportVerifier("chai", {keys_[0].public_key(), keys_[1].public_key()}).verify(report_));
}

TEST_F(ReportSignatureTest, RefusesAMemberOutsideTheSet) {
  report_.member = ReplicaIndex(2);
  EXPECT_FALSE(verifier_.verify(report_));
}

TEST_F(ReportSignatureTest, RefusesAKeyOfAnotherLength) {
  EXPECT_THROW(LocalReportVerifier("chain", {"short"}), std::runtime_error);
}

}  // namespace
}  // namespace icws::engine
