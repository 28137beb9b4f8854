// Vectors of RFC 8785 and of its authors' test data (github.com/cyberphone/json-canonicalization, testdata).
#include <gtest/gtest.h>

#include "tests/unit/transform/transformed.h"

namespace icws::transform {
namespace {

using namespace std::string_literals;

TEST(JsonWriter, WritesTheExampleOfSection322) {
  // The same as "values"; but the first number has 17 digits that are not the shortest, which RFC 8785 would
  // round to 333333333.3333333.
  EXPECT_EQ(canonical(R"({
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            })"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.33333329,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
}

TEST(JsonWriter, SortsAsInSection323) {
  EXPECT_EQ(canonical(R"({
              "\u20ac": "Euro Sign",
              "\r": "Carriage Return",
              "\ufb33": "Hebrew Letter Dalet With Dagesh",
              "1": "One",
              "\ud83d\ude00": "Emoji: Grinning Face",
              "\u0080": "Control",
              "\u00f6": "Latin Small Letter O With Diaeresis"
            })"),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\","
            "\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\","
            "\"\xf0\x9f\x98\x80\":\"Emoji: Grinning Face\","
            "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST(JsonWriter, WritesTheAuthorsTestData) {
  EXPECT_EQ(canonical(R"([ 56, { "d": true, "10": null, "1": [ ] } ])"),
            R"([56,{"1":[],"10":null,"d":true}])");
  EXPECT_EQ(canonical(R"({
              "peach": "This sorting order",
              "péché": "is wrong according to French",
              "pêche": "but canonicalization MUST",
              "sin":   "ignore locale"
            })"),
            R"({"peach":"This sorting order","péché":"is wrong according to French",)"
            R"("pêche":"but canonicalization MUST","sin":"ignore locale"})");
  EXPECT_EQ(
      canonical(R"({
              "1": {"f": {"f": "hi","F": 5} ,"\n": 56.0},
              "10": { },
              "": "empty",
              "a": { },
              "111": [ {"e": "yes","E": "no" } ],
              "A": { }
            })"),
      R"({"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}})");
  EXPECT_EQ(canonical(R"({ "Unnormalized Unicode":"A\u030a" })"), "{\"Unnormalized Unicode\":\"A\xcc\x8a\"}");
  EXPECT_EQ(
      canonical(R"({
              "\u20ac": "Euro Sign",
              "\r": "Carriage Return",
              "\u000a": "Newline",
              "1": "One",
              "\u0080": "Control\u007f",
              "\ud83d\ude02": "Smiley",
              "\u00f6": "Latin Small Letter O With Diaeresis",
              "\ufb33": "Hebrew Letter Dalet With Dagesh",
              "</script>": "Browser Challenge"
            })"),
      "{\"\\n\":\"Newline\",\"\\r\":\"Carriage Return\",\"1\":\"One\",\"</script>\":\"Browser Challenge\","
      "\"\xc2\x80\":\"Control\x7f\",\"\xc3\xb6\":\"Latin Small Letter O With Diaeresis\","
      "\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x82\":\"Smiley\","
      "\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

TEST(JsonWriter, EscapesOnlyWhatItMust) {
  EXPECT_EQ(canonical(R"("\u0000\u0001\b\t\n\u000b\f\r\u001F\u0020\/\"\\\u007f")"),
            R"("\u0000\u0001\b\t\n\u000b\f\r\u001f /\"\\)"
            "\x7f\"");
  EXPECT_EQ(canonical(R"("\uD834\uDD1E\uFFFF\uE000")"), "\"\xf0\x9d\x84\x9e\xef\xbf\xbf\xee\x80\x80\"");
}

TEST(JsonWriter, SortsByUtf16WithinLongKeysToo) {
  // U+FFFF comes behind U+10000 (D800 DC00), at the first byte and behind the first eight.
  for (const char* head : {"", "12345678", "1234567"}) {
    const Bytes first = "\""s + head + "\xf0\x90\x80\x80\"";
    const Bytes second = "\""s + head + "\xef\xbf\xbf\"";
    const Bytes before = "\""s + head + "\xed\x9f\xbf\"";
    EXPECT_EQ(canonical("{" + second + ":2," + first + ":1," + before + ":0}"),
              "{" + before + ":0," + first + ":1," + second + ":2}");
  }
  EXPECT_EQ(canonical(R"({"abcdefgh\u0000":3,"abcdefgh":2,"a\u0000":1,"a":0})"),
            R"({"a":0,"a\u0000":1,"abcdefgh":2,"abcdefgh\u0000":3})");
}

// Attack S11: with RFC 8785 as it stands, both would be agreed as ...992.
TEST(JsonWriter, KeepsDifferentNumbersDifferent) {
  EXPECT_EQ(canonical(R"({"b":9007199254740993,"a":9007199254740992})"),
            R"({"a":9007199254740992,"b":9007199254740993})");
  EXPECT_NE(canonical("0.1000000000000000055"), canonical("0.1"));
  EXPECT_EQ(canonical("[1.0,1,10e-1,100E-2]"), "[1,1,1,1]");
}

}  // namespace
}  // namespace icws::transform
