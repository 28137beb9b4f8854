#include "replica/app_hash.h"

#include <gtest/gtest.h>

namespace icws::replica {
namespace {

Digest leaf(BytesView key, BytesView value) {
  return Sha256().update(BytesView("\0", 1)).update_sized(key).update(value).finish();
}
Digest node(const Digest& left, const Digest& right) {
  return Sha256().update(BytesView("\1", 1)).update(left).update(right).finish();
}

TEST(AppHash, OfNothingIsTheHashOfNothing) { EXPECT_EQ(LeafHashes().root(), sha256({})); }

TEST(AppHash, IsTheMerkleRootInKeyOrder) {
  LeafHashes leaves;
  leaves.set("b", "2");
  EXPECT_EQ(leaves.root(), leaf("b", "2"));
  leaves.set("a", "1");
  EXPECT_EQ(leaves.root(), node(leaf("a", "1"), leaf("b", "2")));
  leaves.set("c", "3");
  // An odd node goes up unchanged.
  EXPECT_EQ(leaves.root(), node(node(leaf("a", "1"), leaf("b", "2")), leaf("c", "3")));
}

TEST(AppHash, SaysWhetherAnythingChanged) {
  LeafHashes leaves;
  EXPECT_TRUE(leaves.set("a", "1"));
  EXPECT_FALSE(leaves.set("a", "1"));
  EXPECT_TRUE(leaves.set("a", "2"));
  EXPECT_TRUE(leaves.remove("a"));
  EXPECT_FALSE(leaves.remove("a"));
  EXPECT_EQ(leaves.root(), sha256({}));
}

TEST(AppHash, DoesNotDependOnTheOrderOfWrites) {
  LeafHashes one, two;
  for (int i = 0; i < 100; ++i) one.set(std::to_string(i), "v" + std::to_string(i));
  for (int i = 99; i >= 0; --i) two.set(std::to_string(i), "v" + std::to_string(i));
  EXPECT_EQ(one.root(), two.root());
}

TEST(AppHash, TheBorderBetweenKeyAndValueCounts) {
  LeafHashes one, two;
  one.set("ab", "c");
  two.set("a", "bc");
  EXPECT_NE(one.root(), two.root());
}

}  // namespace
}  // namespace icws::replica
