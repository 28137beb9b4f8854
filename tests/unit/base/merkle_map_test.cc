#include "base/merkle_map.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/prng.h"

namespace icws {
namespace {

// The root as the header defines it, from nothing but the keys and values.
using Model = std::map<Bytes, Bytes>;

Digest leaf(BytesView key, BytesView value) {
  return Sha256().update(BytesView("\0", 1)).update_sized(key).update(value).finish();
}

bool one_at(const Digest& path, unsigned bit) { return (path.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0; }

Digest model_root(const Model& model, unsigned bit = 0) {
  if (model.empty()) return sha256({});
  if (model.size() == 1) return leaf(model.begin()->first, model.begin()->second);
  Model sides[2];
  for (const auto& [key, value] : model) sides[one_at(sha256(key), bit)].emplace(key, value);
  if (sides[0].empty() || sides[1].empty()) return model_root(model, bit + 1);
  const char head[2] = {'\1', static_cast<char>(bit)};
  return Sha256()
      .update(BytesView(head, 2))
      .update(model_root(sides[0], bit + 1))
      .update(model_root(sides[1], bit + 1))
      .finish();
}

TEST(MerkleMap, OfNothingIsTheHashOfNothing) {
  MerkleMap map;
  EXPECT_EQ(map.root(), sha256({}));
  EXPECT_FALSE(map.prove("a"));
}

TEST(MerkleMap, OfOneIsItsLeaf) {
  MerkleMap map;
  EXPECT_TRUE(map.set("a", "1"));
  EXPECT_EQ(map.root(), leaf("a", "1"));
  EXPECT_TRUE(map.prove("a")->steps.empty());
}

TEST(MerkleMap, SaysWhetherAnythingChanged) {
  MerkleMap map;
  EXPECT_TRUE(map.set("a", "1"));
  EXPECT_FALSE(map.set("a", "1"));
  EXPECT_TRUE(map.set("a", "2"));
  EXPECT_FALSE(map.remove("b"));
  EXPECT_TRUE(map.remove("a"));
  EXPECT_FALSE(map.remove("a"));
  EXPECT_EQ(map.root(), sha256({}));
  EXPECT_EQ(map.size(), 0u);
}

TEST(MerkleMap, FollowsTheModelThroughAnyHistory) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Prng prng(seed);
    MerkleMap map;
    Model model;
    for (int step = 0; step < 400; ++step) {
      const Bytes key = "key" + std::to_string(prng.below(60));
      if (prng.chance(1, 3)) {
        EXPECT_EQ(map.remove(key), model.erase(key) == 1);
      } else {
        const Bytes value = std::to_string(prng.below(4));
        const auto known = model.find(key);
        EXPECT_EQ(map.set(key, value), known == model.end() || known->second != value);
        model[key] = value;
      }
      EXPECT_EQ(map.contains(key), model.contains(key));
      // Roots now and then only: changes pile up between them.
      if (!prng.chance(1, 5)) continue;
      ASSERT_EQ(map.root(), model_root(model)) << "seed " << seed << " step " << step;
    }
    EXPECT_EQ(map.size(), model.size());
    MerkleMap afresh;
    for (const auto& [key, value] : model) afresh.set(key, value);
    EXPECT_EQ(map.root(), afresh.root());
  }
}

TEST(MerkleMap, ProvesWhatItHolds) {
  MerkleMap map;
  for (int i = 0; i < 200; ++i) map.set("key" + std::to_string(i), "value" + std::to_string(i));
  const Digest root = map.root();
  for (int i = 0; i < 200; ++i) {
    const Bytes key = "key" + std::to_string(i);
    const Bytes value = "value" + std::to_string(i);
    const auto proof = map.prove(key);
    ASSERT_TRUE(proof);
    EXPECT_LE(proof->steps.size(), 24u);
    EXPECT_EQ(merkle_root(key, value, *proof), root);
    EXPECT_NE(merkle_root(key, "other", *proof), root);
    EXPECT_NE(merkle_root("other", value, *proof), root);
  }
  EXPECT_FALSE(map.prove("key200"));
}

TEST(MerkleMap, AProofWithAnyFaultGivesAnotherRoot) {
  MerkleMap map;
  for (int i = 0; i < 50; ++i) map.set(std::to_string(i), "value");
  const Digest root = map.root();
  const MerkleProof good = *map.prove("7");
  ASSERT_GE(good.steps.size(), 3u);
  for (size_t i = 0; i < good.steps.size(); ++i) {
    for (size_t byte = 0; byte < 32; ++byte) {
      MerkleProof bad = good;
      bad.steps[i].sibling.bytes[byte] ^= 1;
      EXPECT_NE(merkle_root("7", "value", bad), root);
    }
    for (unsigned bit = 0; bit < 256; ++bit) {
      MerkleProof bad = good;
      bad.steps[i].bit = static_cast<uint8_t>(bit);
      if (bad == good) continue;
      EXPECT_NE(merkle_root("7", "value", bad), root);
    }
    MerkleProof shorter = good;
    shorter.steps.erase(shorter.steps.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_NE(merkle_root("7", "value", shorter), root);
    MerkleProof longer = good;
    longer.steps.insert(longer.steps.begin() + static_cast<ptrdiff_t>(i), good.steps[i]);
    EXPECT_NE(merkle_root("7", "value", longer), root);
  }
}

TEST(MerkleMap, RefusesBitsThatDoNotDescend) {
  MerkleProof proof;
  proof.steps = {{3, Digest{}}, {3, Digest{}}};
  EXPECT_FALSE(merkle_root("a", "1", proof));
  proof.steps = {{3, Digest{}}, {4, Digest{}}};
  EXPECT_FALSE(merkle_root("a", "1", proof));
  proof.steps = {{4, Digest{}}, {3, Digest{}}};
  EXPECT_TRUE(merkle_root("a", "1", proof));
}

TEST(MerkleMap, TheBorderBetweenKeyAndValueCounts) {
  MerkleMap one, two;
  one.set("ab", "c");
  two.set("a", "bc");
  EXPECT_NE(one.root(), two.root());
}

}  // namespace
}  // namespace icws
