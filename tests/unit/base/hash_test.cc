#include "base/hash.h"

#include <gtest/gtest.h>

namespace icws {
namespace {

// FIPS 180-2, appendix B.1.
TEST(Sha256, GivesTheStandardsVector) {
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, IsReusableAfterFinish) {
  Sha256 hasher;
  const Digest first = hasher.update("a").update("bc").finish();
  EXPECT_EQ(first, sha256("abc"));
  EXPECT_EQ(hasher.update("abc").finish(), first);
}

TEST(Sha256, SizedFieldsDoNotRunTogether) {
  Sha256 hasher;
  const Digest one = hasher.update_sized("ab").update_sized("c").finish();
  const Digest two = hasher.update_sized("a").update_sized("bc").finish();
  EXPECT_NE(one, two);
}

TEST(Digest, ParsesExactlyThirtyTwoBytes) {
  EXPECT_FALSE(Digest::from(std::string(31, 'x')));
  EXPECT_FALSE(Digest::from(std::string(33, 'x')));
  EXPECT_EQ(Digest::from(std::string(32, 'x'))->view(), std::string(32, 'x'));
}

}  // namespace
}  // namespace icws
