#include "transcript/cause.h"

#include <gtest/gtest.h>

#include <set>

namespace icws::transcript {
namespace {

TEST(Cause, EachHasItsOwnNameAndText) {
  std::set<std::string_view> names, texts;
  for (uint32_t number = 1; number <= kCauseMax; ++number) {
    const auto cause = cause_from(number);
    ASSERT_TRUE(cause);
    EXPECT_FALSE(cause_text(*cause).empty());
    names.insert(cause_name(*cause));
    texts.insert(cause_text(*cause));
  }
  EXPECT_EQ(names.size(), kCauseMax);
  EXPECT_EQ(texts.size(), kCauseMax);
  EXPECT_FALSE(cause_from(0));
  EXPECT_FALSE(cause_from(kCauseMax + 1));
  EXPECT_FALSE(cause_from(256 + 1));
}

}  // namespace
}  // namespace icws::transcript
