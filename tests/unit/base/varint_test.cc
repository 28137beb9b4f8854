#include "base/varint.h"

#include <gtest/gtest.h>

namespace icws {
namespace {

std::optional<uint64_t> whole(BytesView in) {
  const auto value = take_varint(in);
  return in.empty() ? value : std::nullopt;
}

TEST(Varint, EveryNumberHasOneEncoding) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{127}, uint64_t{128}, uint64_t{16'383},
                               uint64_t{16'384}, (uint64_t{1} << 63) - 1, uint64_t{1} << 63, UINT64_MAX}) {
    Bytes bytes = "x";
    append_varint(bytes, value);
    EXPECT_EQ(whole(BytesView(bytes).substr(1)), value);
    EXPECT_EQ(whole(BytesView(bytes).substr(1, bytes.size() - 2)), std::nullopt) << "torn: " << value;
  }
  EXPECT_EQ(whole(BytesView("\x80\x00", 2)), std::nullopt);
  EXPECT_EQ(whole(BytesView("\xff\x80\x00", 3)), std::nullopt);
}

TEST(Varint, HasSixtyFourBitsAtMost) {
  EXPECT_EQ(whole(Bytes(9, '\xff') + "\x01"), UINT64_MAX);
  EXPECT_EQ(whole(Bytes(9, '\xff') + "\x02"), std::nullopt);
  EXPECT_EQ(whole(Bytes(10, '\xff') + "\x01"), std::nullopt);
}

TEST(Varint, LeavesWhatFollows) {
  const Bytes bytes("\x85\x01rest", 6);
  BytesView in = bytes;
  EXPECT_EQ(take_varint(in), 133u);
  EXPECT_EQ(in, "rest");
}

}  // namespace
}  // namespace icws
