#include "base/archive.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "base/time.h"

namespace icws {
namespace {

enum class Colour : uint8_t { Red = 1, Blue = 200 };

struct Inner {
  uint32_t number = 0;
  Bytes text;
  static void fields(auto& archive, auto& self) { archive(self.number, self.text); }
  bool operator==(const Inner&) const = default;
};

struct Outer {
  uint64_t large = 0;
  uint8_t small = 0;
  bool flag = false;
  Colour colour = Colour::Red;
  Position position;
  Digest digest;
  std::array<uint8_t, 4> raw{};
  Milliseconds wait{0};
  std::optional<Inner> maybe;
  std::vector<Inner> list;
  std::deque<uint32_t> queue;
  std::map<uint32_t, Bytes> map;
  static void fields(auto& archive, auto& self) {
    archive(self.large, self.small, self.flag, self.colour, self.position, self.digest, self.raw, self.wait,
            self.maybe, self.list, self.queue, self.map);
  }
  bool operator==(const Outer&) const = default;
};

Outer sample() {
  return Outer{UINT64_MAX,
               255,
               true,
               Colour::Blue,
               Position(300),
               sha256("x"),
               {1, 2, 3, 4},
               Milliseconds(5'000),
               Inner{7, "seven"},
               {{1, ""}, {2, "two"}},
               {1, 128, 0},
               {{1, "a"}, {9, "b"}}};
}

template <class T>
bool reads(BytesView bytes) {
  return archive_decode<T>(bytes).has_value();
}

TEST(Archive, ReadsWhatItWrote) { EXPECT_EQ(archive_decode<Outer>(archive_encode(sample())), sample()); }

TEST(Archive, RefusesEveryTruncationAndMore) {
  const Bytes bytes = archive_encode(sample());
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(reads<Outer>(BytesView(bytes).substr(0, size)));
  EXPECT_FALSE(reads<Outer>(bytes + '\0'));
}

TEST(Archive, WhatItReadsHasOneEncoding) {
  const Bytes bytes = archive_encode(sample());
  Prng prng(1);
  for (size_t i = 0; i < 50'000; ++i) {
    Bytes mutated = bytes;
    mutated[prng.below(mutated.size())] = static_cast<char>(prng.below(256));
    if (prng.chance(1, 2)) mutated.insert(prng.below(mutated.size()), 1, static_cast<char>(prng.below(256)));
    const auto value = archive_decode<Outer>(mutated);
    if (value) {
      EXPECT_EQ(archive_encode(*value), mutated);
    }
  }
}

TEST(Archive, RefusesTheOtherForms) {
  EXPECT_TRUE(reads<uint64_t>(Bytes("\x80\x01", 2)));
  EXPECT_FALSE(reads<uint64_t>(Bytes("\x80\x00", 2)));                        // not minimal
  EXPECT_FALSE(reads<uint64_t>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"));  // over 64 bits
  EXPECT_FALSE(reads<uint8_t>(Bytes("\x80\x02", 2)));                         // over 8 bits
  EXPECT_FALSE(reads<bool>("\x02"));
  EXPECT_FALSE(reads<std::optional<uint32_t>>("\x02\x01"));
  EXPECT_FALSE(reads<Milliseconds>("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));  // negative
  EXPECT_FALSE((reads<std::map<uint32_t, uint32_t>>("\x02\x02\x01\x01\x01")));    // not ascending
  EXPECT_FALSE((reads<std::map<uint32_t, uint32_t>>("\x02\x01\x01\x01\x01")));    // twice
  EXPECT_FALSE(reads<std::vector<uint32_t>>("\xff\xff\xff\xff\x0f"));             // more than there are bytes
  EXPECT_FALSE(
      reads<Bytes>("\x05"
                   "abc"));
}

}  // namespace
}  // namespace icws
