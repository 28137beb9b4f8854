#include "proof/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/proof/proof_fixture.h"

namespace icws::proof {
namespace {

TEST(Certificate, ComesBackAsItWas) {
  TestChain chain(10);
  chain.hand_over({chain.change(chain.trusted().replicas, Height(9), {{0, 5}, {4, 4}}, {{0, 0}, {2, 2}})});
  const Certificate certificate = chain.certificate(3, 6);
  const auto decoded = decode_certificate(encode_certificate(certificate));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, certificate);
}

TEST(Certificate, SaysWhichPartDoesNotDecode) {
  EXPECT_THAT(decode_certificate("").error().message, testing::HasSubstr("icws certificate 1"));
  const Bytes good = encode_certificate(TestChain(3).certificate(1, 3));
  // The first line has 19 bytes, the scheme 1, the chain id 6.
  EXPECT_THAT(decode_certificate(BytesView(good).substr(0, 25)).error().message,
              testing::HasSubstr("the chain id"));
  EXPECT_THAT(decode_certificate(BytesView(good).substr(0, 26)).error().message,
              testing::HasSubstr("the connection"));
  Certificate unknown = TestChain(3).certificate(1, 3);
  unknown.scheme = static_cast<SignatureScheme>(3);
  EXPECT_THAT(decode_certificate(encode_certificate(unknown)).error().message,
              testing::HasSubstr("signature scheme 3"));
}

TEST(Certificate, HasALimit) {
  Bytes bytes = encode_certificate(TestChain(3).certificate(1, 3));
  bytes.resize(kCertificateBytesMax);
  EXPECT_THAT(decode_certificate(bytes).error().message, testing::HasSubstr("behind its end"));
  bytes.push_back('\0');
  EXPECT_THAT(decode_certificate(bytes).error().message, testing::HasSubstr("more than"));
}

}  // namespace
}  // namespace icws::proof
