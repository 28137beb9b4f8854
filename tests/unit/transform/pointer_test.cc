#include "transform/detail/pointer.h"

#include <gtest/gtest.h>

#include "tests/unit/transform/transformed.h"

namespace icws::transform {
namespace {

// The values at the pointers, in the key's canonical form.
Bytes at(BytesView message, Texts pointers) { return transformed(keyed(std::move(pointers)), message).key; }

// RFC 6901, section 5.
constexpr BytesView kExample = R"({
      "foo": ["bar", "baz"],
      "": 0,
      "a/b": 1,
      "c%d": 2,
      "e^f": 3,
      "g|h": 4,
      "i\\j": 5,
      "k\"l": 6,
      " ": 7,
      "m~n": 8
   })";

TEST(Pointer, FindsTheExamplesOfRfc6901) {
  EXPECT_EQ(at(kExample, {"/foo"}), R"([["bar","baz"]])");
  EXPECT_EQ(at(kExample, {"/foo/0"}), R"(["bar"])");
  EXPECT_EQ(at(kExample, {"/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"}),
            "[0,1,2,3,4,5,6,7,8]");
  EXPECT_EQ(at(kExample, {""}), "[" + *canonical(kExample) + "]");
}

TEST(Pointer, UnescapesOnceFromTheLeft) {
  // RFC 6901, section 4: "~01" is "~1", not "/".
  EXPECT_EQ(at(R"({"~1":1,"/":2})", {"/~01", "/~1"}), "[1,2]");
}

TEST(Pointer, FindsNothing) {
  const Texts pointers = {"/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/+1", "/foo/ 1",
                          "/foo/",  "/fo",    "/foo/0/", "/ /7",    "/FOO",    "/foo/4294967296"};
  for (const std::string& pointer : pointers) EXPECT_EQ(at(kExample, {pointer}), "[null]") << pointer;
  EXPECT_EQ(at("[]", {"/0"}), "[null]");
  EXPECT_EQ(at("7", {"/0", ""}), "[null,7]");
}

TEST(Pointer, FindsDigitsAsKeysAndLaterElements) {
  EXPECT_EQ(at(R"({"0":"a","01":"b","-":"c"})", {"/0", "/01", "/-"}), R"(["a","b","c"])");
  EXPECT_EQ(at(R"([[1,[2,3]],{"a":[4]},5])", {"/2", "/1/a/0", "/0/1/1"}), "[5,4,3]");
}

TEST(Pointer, ComparesDecodedKeys) {
  EXPECT_EQ(at(R"({"\u0061\ud83d\ude02":1})", {"/a\xf0\x9f\x98\x82"}), "[1]");
}

TEST(Pointer, RefusesWhatIsNoPointer) {
  const auto error = [](BytesView text) { return detail::Pointer::parse(text).error(); };
  for (const char* text : {"a", "/~", "/~2", "/a~", "/~/0", "#/a", " /a", "/\xff", "/\xed\xa0\x80"}) {
    EXPECT_EQ(error(text), SpecError::PointerSyntax) << text;
  }
  const std::string longest = "/" + std::string(kPointerBytesMax - 1, 'a');
  EXPECT_TRUE(detail::Pointer::parse(longest).has_value());
  EXPECT_EQ(error(longest + "a"), SpecError::PointerTooLong);
  std::string deepest;
  for (size_t i = 0; i < kPointerDepthMax; ++i) deepest += "/0";
  EXPECT_TRUE(detail::Pointer::parse(deepest).has_value());
  EXPECT_EQ(error(deepest + "/"), SpecError::PointerTooDeep);
}

TEST(Pointer, ReachesItsDeepestLevel) {
  std::string pointer;
  std::string message = "1";
  for (size_t i = 0; i < kPointerDepthMax; ++i) {
    pointer += "/a";
    message = R"({"a":)" + message + "}";
  }
  EXPECT_EQ(at(message, {pointer}), "[1]");
  EXPECT_EQ(transformed(keeping({pointer}), message).content, message);
}

}  // namespace
}  // namespace icws::transform
