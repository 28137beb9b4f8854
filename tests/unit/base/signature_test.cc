#include "base/signature.h"

#include <gtest/gtest.h>

namespace icws {
namespace {

Bytes from_hex(BytesView hex) {
  Bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// RFC 8032, section 7.1, test 2.
TEST(Signature, GivesTheRfcsVector) {
  const SigningKey key(from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(to_hex(key.public_key()), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(key.sign(from_hex("72"))),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Signature, RefusesAnotherMessageKeyOrLength) {
  const SigningKey key(Bytes(32, 'a')), other(Bytes(32, 'b'));
  const auto verifying = VerifyingKey::from(key.public_key());
  const auto foreign = VerifyingKey::from(other.public_key());
  ASSERT_TRUE(verifying && foreign);
  const Bytes signature = key.sign("report");
  EXPECT_TRUE(verifying->verify("report", signature));
  EXPECT_FALSE(verifying->verify("repor", signature));
  EXPECT_FALSE(foreign->verify("report", signature));
  EXPECT_FALSE(verifying->verify("report", signature.substr(1)));
  EXPECT_FALSE(VerifyingKey::from("short"));
}

}  // namespace
}  // namespace icws
