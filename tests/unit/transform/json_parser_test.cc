#include <gtest/gtest.h>

#include "tests/unit/transform/transformed.h"

namespace icws::transform {
namespace {

using namespace std::string_literals;

void expect_no_json(BytesView message) { EXPECT_EQ(canonical(message), std::nullopt) << message; }

TEST(JsonParser, TakesEveryKindOfRoot) {
  for (const char* text : {"null", "true", "false", "0", "\"\"", "[]", "{}"})
    EXPECT_EQ(canonical(text), text);
  EXPECT_EQ(canonical(" \t\r\n [ 1 , \n{ \"a\" :\t2 } ]\r\n"), R"([1,{"a":2}])");
}

TEST(JsonParser, RefusesBrokenStructure) {
  for (const char* text :
       {"",      " ",     "[",      "]",     "{",       "}",        "[1",        "[1,",        "[1,]",
        "[,1]",  "[1 2]", "{\"a\"", "{a:1}", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\" 1}",
        "{1:1}", "{,}",   "[}",     "{]",    "nul",     "nulll",    "True",      "NaN",        "Infinity",
        "'a'",   "\"a",   "\"",     "1 2",   "{} {}",   "null,",    "// a\n1",   "[1]x",       "undefined"}) {
    expect_no_json(text);
  }
  expect_no_json("1\0"s);
  expect_no_json("\0"s);
  expect_no_json("\xef\xbb\xbf{}");  // a byte order mark
  expect_no_json("\xa0 1");
  expect_no_json("\f1");
}

TEST(JsonParser, RefusesBrokenNumbers) {
  for (const char* text : {"-", "+1", "01", "-01", ".5", "1.", "1.e1", "1e", "1e+", "1e-", "0x1", "1_0",
                           "--1", "1..2", "1e1.5", "00", "1a", "- 1"}) {
    expect_no_json(text);
  }
}

TEST(JsonParser, RefusesBrokenStrings) {
  for (const char* text : {R"("\x")", R"("\)", R"("\")", R"("\u")", R"("\u12")", R"("\u123g")", R"("\U0041")",
                           R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\ud800a")", R"("\ud800\n")",
                           R"("\udc00\ud800")", R"("\ud83d\u")", R"({"\ud800":1})"}) {
    expect_no_json(text);
  }
  for (int c = 0; c < 0x20; ++c) {
    expect_no_json("\""s + static_cast<char>(c) + "\"");
    expect_no_json("\"1234567"s + static_cast<char>(c) + "12345678\"");
  }
}

TEST(JsonParser, ChecksUtf8) {
  for (const char* bytes : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                            "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    const std::string text = "\"12345"s + bytes + "\"";
    EXPECT_EQ(canonical(text), text);
  }
  for (const char* bytes : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
                            "\xe1\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf1\x80\x80",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82\x41"}) {
    expect_no_json("\""s + bytes + "\"");
    expect_no_json("\"12345678"s + bytes);  // the message ends in it
  }
}

TEST(JsonParser, RefusesDuplicateKeys) {
  expect_no_json(R"({"a":1,"a":1})");
  expect_no_json(R"({"a":1,"b":2,"\u0061":3})");
  expect_no_json(R"({"":1,"":2})");
  expect_no_json(R"([{"x":{"abcdefghi":1,"b":0,"abcdefghi":2}}])");
  const Bytes apart = R"({"a":{"a":[{"a":1},{"a":2}]},"b":{"a":1},"abcdefgh":1,"abcdefghi":2,"a\u0000":3})";
  EXPECT_TRUE(canonical(apart).has_value());
  // Also where nothing of them would be left.
  TransformSpec spec = dropping({"/gone"});
  EXPECT_EQ(transformed(spec, R"({"gone":{"a":1,"a":2}})").content, R"({"gone":{"a":1,"a":2}})");
}

Bytes nested(size_t depth, BytesView open, BytesView close) {
  Bytes out;
  for (size_t i = 0; i < depth; ++i) out += open;
  out += '1';
  for (size_t i = 0; i < depth; ++i) out += close;
  return out;
}

TEST(JsonParser, LimitsDepth) {
  for (const auto& [open, close] : {std::pair("[", "]"), std::pair("{\"a\":", "}")}) {
    const Bytes deepest = nested(kJsonDepthMax, open, close);
    EXPECT_EQ(canonical(deepest), deepest);
    expect_no_json(nested(kJsonDepthMax + 1, open, close));
    expect_no_json(nested(500'000, open, close));
  }
  EXPECT_TRUE(canonical("[" + nested(kJsonDepthMax - 1, "[", "]") + ",[],{}]").has_value());
}

TEST(JsonParser, StaysFastOnManyMembersInTheWorstOrder) {
  Bytes text = "{";
  for (int i = 99'999; i >= 0; --i) text += "\"" + std::to_string(1'000'000 + i) + "\":0,";
  text.back() = '}';
  const std::optional<Bytes> sorted = canonical(text);
  ASSERT_TRUE(sorted.has_value());
  EXPECT_TRUE(sorted->starts_with(R"({"1000000":0,"1000001":0,)"));
}

}  // namespace
}  // namespace icws::transform
