#include "base/canonical_proto.h"

#include <gtest/gtest.h>

namespace icws {
namespace {

Bytes bytes(std::initializer_list<unsigned> values) {
  Bytes out;
  for (const unsigned value : values) out.push_back(static_cast<char>(value));
  return out;
}

TEST(ProtoReader, ReadsWhatWasWritten) {
  for (const uint64_t number :
       {uint64_t{1}, uint64_t{127}, uint64_t{128}, uint64_t{UINT32_MAX}, UINT64_MAX}) {
    Bytes out;
    ProtoWriter writer(out);
    writer.u64(1, number);
    writer.boolean(2, true);
    writer.bytes(15, "text");
    writer.message(16, "");
    writer.message(16, "inner");
    ProtoReader in(out);
    EXPECT_EQ(in.u64(1), number);
    EXPECT_TRUE(in.boolean(2));
    EXPECT_EQ(in.bytes(15), "text");
    EXPECT_EQ(in.messages_left(16), 2u);
    EXPECT_EQ(in.next_message(16), "");
    EXPECT_EQ(in.next_message(16), "inner");
    EXPECT_FALSE(in.next_message(16));
    EXPECT_TRUE(in.done());
  }
}

TEST(ProtoReader, AbsentFieldsAreDefaults) {
  ProtoReader in("");
  EXPECT_EQ(in.u64(1), 0u);
  EXPECT_EQ(in.u32(2), 0u);
  EXPECT_EQ(in.enumeration(3), 0);
  EXPECT_FALSE(in.boolean(4));
  EXPECT_EQ(in.bytes(5), "");
  EXPECT_FALSE(in.next_message(6));
  EXPECT_TRUE(in.done());
}

TEST(ProtoReader, DefaultsAreNotCanonical) {
  const Bytes zero = bytes({0x08, 0});
  const Bytes nothing = bytes({0x0a, 0});
  ProtoReader number(zero);
  number.u64(1);
  EXPECT_FALSE(number.done());
  ProtoReader boolean(zero);
  boolean.boolean(1);
  EXPECT_FALSE(boolean.done());
  ProtoReader text(nothing);
  text.bytes(1);
  EXPECT_FALSE(text.done());
}

bool reads_u64(const Bytes& encoded) {
  ProtoReader in(encoded);
  in.u64(1);
  return in.done();
}

TEST(ProtoReader, VarintsAreMinimalAndOfAtMost64Bits) {
  EXPECT_TRUE(reads_u64(bytes({0x08, 0x7f})));
  EXPECT_FALSE(reads_u64(bytes({0x08, 0xff, 0x00})));
  EXPECT_FALSE(reads_u64(bytes({0x88, 0x00, 0x01})));  // the tag
  EXPECT_FALSE(reads_u64(bytes({0x08, 0xff})));
  EXPECT_FALSE(reads_u64(bytes({0x08})));
  const Bytes nine(9, '\xff');
  EXPECT_TRUE(reads_u64(bytes({0x08}) + nine + bytes({1})));
  EXPECT_FALSE(reads_u64(bytes({0x08}) + nine + bytes({2})));
  EXPECT_FALSE(reads_u64(bytes({0x08}) + nine + bytes({0x81, 0})));
}

TEST(ProtoReader, NumbersFitTheirType) {
  const auto u32 = [](const Bytes& encoded) {
    ProtoReader in(encoded);
    in.u32(1);
    return in.done();
  };
  EXPECT_TRUE(u32(bytes({0x08, 0xff, 0xff, 0xff, 0xff, 0x0f})));
  EXPECT_FALSE(u32(bytes({0x08, 0x80, 0x80, 0x80, 0x80, 0x10})));
  const Bytes two = bytes({0x08, 2});
  ProtoReader boolean(two);
  boolean.boolean(1);
  EXPECT_FALSE(boolean.done());
  const Bytes negative = bytes({0x08}) + Bytes(9, '\xff') + bytes({1});
  ProtoReader enumeration(negative);
  EXPECT_EQ(enumeration.enumeration(1), -1);
  EXPECT_TRUE(enumeration.done());
  const Bytes unsigned_32 = bytes({0x08, 0xff, 0xff, 0xff, 0xff, 0x0f});
  ProtoReader narrow(unsigned_32);
  narrow.enumeration(1);
  EXPECT_FALSE(narrow.done());
}

TEST(ProtoReader, OtherOrderRepetitionAndUnknownFieldsAreLeftOver) {
  const auto reads = [](const Bytes& encoded) {
    ProtoReader in(encoded);
    in.u64(1);
    in.bytes(2);
    return in.done();
  };
  EXPECT_TRUE(reads(bytes({0x08, 1, 0x12, 1, 'a'})));
  EXPECT_FALSE(reads(bytes({0x12, 1, 'a', 0x08, 1})));
  EXPECT_FALSE(reads(bytes({0x08, 1, 0x08, 1})));
  EXPECT_FALSE(reads(bytes({0x08, 1, 0x18, 1})));
  EXPECT_FALSE(reads(bytes({0x0a, 1, 1})));  // the other wire type
}

TEST(ProtoReader, ALengthBeyondTheEndIsAFaultForGood) {
  const Bytes encoded = bytes({0x0a, 2, 'a'});
  ProtoReader in(encoded);
  EXPECT_EQ(in.bytes(1), "");
  EXPECT_FALSE(in.good());
  EXPECT_EQ(in.u64(2), 0u);
  EXPECT_FALSE(in.next_message(3));
  EXPECT_FALSE(in.done());
}

}  // namespace
}  // namespace icws
