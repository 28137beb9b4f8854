#include "transcript/parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/prng.h"

namespace icws::transcript {
namespace {

using testing::ElementsAre;

TEST(Parts, OneWhereItFits) {
  EXPECT_THAT(cut_parts(ContentKind::Text, "", 4), ElementsAre(""));
  EXPECT_THAT(cut_parts(ContentKind::Text, "abcd", 4), ElementsAre("abcd"));
  EXPECT_EQ(parts_bound(0, 4), 1u);
  EXPECT_EQ(parts_bound(4, 4), 1u);
  EXPECT_EQ(parts_bound(1'000'000, UINT64_MAX), 1u);
}

TEST(Parts, AsLongAsTheyCanBe) {
  EXPECT_THAT(cut_parts(ContentKind::Binary, "abcdefghi", 4), ElementsAre("abcd", "efgh", "i"));
  EXPECT_THAT(cut_parts(ContentKind::Text, "abcdefghi", 4), ElementsAre("abcd", "efgh", "i"));
}

TEST(Parts, TextIsCutBetweenCharacters) {
  // Of two, three and four bytes.
  EXPECT_THAT(cut_parts(ContentKind::Text, "abc\u00e9", 4), ElementsAre("abc", "\u00e9"));
  EXPECT_THAT(cut_parts(ContentKind::Text, "ab\u20ac", 4), ElementsAre("ab", "\u20ac"));
  EXPECT_THAT(cut_parts(ContentKind::Text, "a\U0001f600b", 4), ElementsAre("a", "\U0001f600", "b"));
  EXPECT_THAT(cut_parts(ContentKind::Binary, "abc\u00e9", 4), ElementsAre("abc\xc3", "\xa9"));
}

// Decided contents are what honest members report, but the rule must not depend on it.
TEST(Parts, WhatIsNoUtf8IsCutAllTheSame) {
  const Bytes following(9, '\x80');
  EXPECT_THAT(cut_parts(ContentKind::Text, following, 4),
              ElementsAre(Bytes(4, '\x80'), Bytes(4, '\x80'), Bytes(1, '\x80')));
}

TEST(Parts, TheyAreTheMessageAndNoMoreThanTheBound) {
  Prng prng(7);
  for (int i = 0; i < 2'000; ++i) {
    Bytes content;
    const size_t size = prng.below(300);
    while (content.size() < size) {
      constexpr std::string_view kCharacters[] = {"a", "\u00e9", "\u20ac", "\U0001f600", "\x80"};
      content += kCharacters[prng.below(5)];
    }
    const uint64_t part_bytes = 4 + prng.below(40);
    const auto kind = prng.chance(1, 2) ? ContentKind::Text : ContentKind::Binary;
    const auto parts = cut_parts(kind, content, part_bytes);
    EXPECT_LE(parts.size(), parts_bound(content.size(), part_bytes));
    Bytes whole;
    for (const BytesView part : parts) {
      EXPECT_LE(part.size(), part_bytes);
      EXPECT_TRUE(parts.size() == 1 || !part.empty());
      whole += part;
    }
    EXPECT_EQ(whole, content);
  }
}

}  // namespace
}  // namespace icws::transcript
