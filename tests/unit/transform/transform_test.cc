#include "transform/transform.h"

#include <gtest/gtest.h>

#include "tests/unit/transform/transformed.h"

namespace icws::transform {
namespace {

std::optional<SpecError> fault(const TransformSpec& spec) {
  const auto compiled = Transform::compile(spec);
  if (compiled) return {};
  return compiled.error();
}

TEST(Transform, NamesTheFaultOfASpec) {
  TransformSpec spec;
  EXPECT_EQ(fault(spec), std::nullopt);
  spec.drop_if_not_json = true;
  EXPECT_EQ(fault(spec), SpecError::PointersWithoutJson);
  spec = {};
  spec.key_pointers = {"/a"};
  EXPECT_EQ(fault(spec), SpecError::PointersWithoutJson);
  spec.input = static_cast<TransformSpec::Input>(3);
  EXPECT_EQ(fault(spec), SpecError::UnknownInput);
  spec = dropping({"/a"});
  spec.keep_pointers = {"/b"};
  EXPECT_EQ(fault(spec), SpecError::DropAndKeep);
  EXPECT_EQ(fault(dropping({"/a", ""})), SpecError::DropsRoot);
  EXPECT_EQ(fault(keeping({""})), std::nullopt);
  EXPECT_EQ(fault(keyed({"/a", "/b", "/a"})), SpecError::DuplicatePointer);
  EXPECT_EQ(fault(keyed({"a"})), SpecError::PointerSyntax);
}

TEST(Transform, DeliversTheValueAlone) {
  TransformSpec spec = keyed({"/s"});
  spec.value_pointer = "/p/last";
  EXPECT_EQ(transformed(spec, R"({"p":{"last":0.10,"x":1},"s":"BTC"})"), (Delivered{"0.1", R"(["BTC"])"}));
  EXPECT_EQ(transformed(spec, R"({"p":{"last":"0.10"}})"), (Delivered{R"("0.10")", "[null]"}));
  Delivered out{"old", "old"};
  Transform transform = Transform::compile(spec).value();
  for (const char* other : {R"({"s":"BTC"})", "no JSON", ""}) {
    EXPECT_EQ(transform.apply(MessageKind::Text, other, out), Outcome::Dropped);
    EXPECT_EQ(out, Delivered{});
  }
}

TEST(Transform, TakesAValuePointerAloneOnly) {
  TransformSpec spec;
  spec.value_pointer = "/a";
  EXPECT_EQ(fault(spec), SpecError::PointersWithoutJson);
  spec.input = TransformSpec::Input::Json;
  EXPECT_EQ(fault(spec), std::nullopt);
  spec.drop_if_not_json = true;
  EXPECT_EQ(fault(spec), SpecError::ValueAndMore);
  spec = dropping({"/b"});
  spec.value_pointer = "/a";
  EXPECT_EQ(fault(spec), SpecError::ValueAndMore);
  spec = keeping({"/b"});
  spec.value_pointer = "/a";
  EXPECT_EQ(fault(spec), SpecError::ValueAndMore);
  spec = json_spec();
  spec.value_pointer = "a";
  EXPECT_EQ(fault(spec), SpecError::PointerSyntax);
}

TEST(Transform, LimitsTheNumberOfPointers) {
  Texts pointers;
  for (size_t i = 0; i < kPointersPerListMax; ++i) pointers.push_back("/" + std::to_string(i));
  EXPECT_EQ(fault(dropping(pointers)), std::nullopt);
  pointers.push_back("/more");
  EXPECT_EQ(fault(dropping(pointers)), SpecError::TooManyPointers);
  EXPECT_EQ(fault(keeping(pointers)), SpecError::TooManyPointers);
  EXPECT_EQ(fault(keyed(pointers)), SpecError::TooManyPointers);
}

TEST(Transform, DescribesEveryFault) {
  for (int i = 1; i <= 10; ++i) {
    EXPECT_TRUE(std::string(describe(static_cast<SpecError>(i))).ends_with('.'));
    EXPECT_STRNE(describe(static_cast<SpecError>(i)), describe(static_cast<SpecError>(0)));
  }
}

TEST(Transform, PassesEverythingUnreadByDefault) {
  EXPECT_EQ(transformed({}, R"({ "b":1, "a":1.0 })"), (Delivered{R"({ "b":1, "a":1.0 })", ""}));
}

TEST(Transform, PassesOrDropsWhatIsNotJson) {
  TransformSpec spec = keyed({"/a"});
  Delivered out{"old", "old"};
  Transform passing = Transform::compile(spec).value();
  EXPECT_EQ(passing.apply(MessageKind::Text, "{ no", out), Outcome::Delivered);
  EXPECT_EQ(out, (Delivered{"{ no", ""}));
  EXPECT_EQ(passing.apply(MessageKind::Binary, R"({ "a":1 })", out), Outcome::Delivered);
  EXPECT_EQ(out, (Delivered{R"({ "a":1 })", ""}));
  EXPECT_EQ(passing.apply(MessageKind::Text, R"({ "a":1 })", out), Outcome::Delivered);
  EXPECT_EQ(out, (Delivered{R"({"a":1})", "[1]"}));
  spec.drop_if_not_json = true;
  passing = Transform::compile(spec).value();
  EXPECT_EQ(passing.apply(MessageKind::Text, "{ no", out), Outcome::Dropped);
  EXPECT_EQ(out, Delivered{});
  out.content = "old";
  EXPECT_EQ(passing.apply(MessageKind::Binary, R"({"a":1})", out), Outcome::Dropped);
  EXPECT_EQ(out, Delivered{});
}

TEST(Transform, DropsValues) {
  EXPECT_EQ(transformed(dropping({"/id"}), R"({"id":7,"a":{"id":1}})").content, R"({"a":{"id":1}})");
  EXPECT_EQ(transformed(dropping({"/a/b", "/c", "/missing"}), R"({"c":[],"a":{"x":1,"b":2}})").content,
            R"({"a":{"x":1}})");
  EXPECT_EQ(transformed(dropping({"/a", "/a/b"}), R"({"a":{"b":2}})").content, "{}");
  // All pointers are looked up in the message as it came.
  EXPECT_EQ(transformed(dropping({"/0", "/1"}), "[0,1,2,3]").content, "[2,3]");
  EXPECT_EQ(transformed(dropping({"/0"}), "[0]").content, "[]");
  EXPECT_EQ(transformed(dropping({"/a"}), "5").content, "5");
}

TEST(Transform, KeepsValues) {
  const BytesView message = R"({"z":1,"a":{"c":[1,{"d":2,"e":3}],"b":2},"y":{"k":0}})";
  EXPECT_EQ(transformed(keeping({"/a/c", "/z"}), message).content, R"({"a":{"c":[1,{"d":2,"e":3}]},"z":1})");
  EXPECT_EQ(transformed(keeping({"/a/c/1/d"}), message).content, R"({"a":{"c":[{"d":2}]}})");
  EXPECT_EQ(transformed(keeping({"/a/b", "/a"}), message).content, R"({"a":{"b":2,"c":[1,{"d":2,"e":3}]}})");
  EXPECT_EQ(transformed(keeping({""}), message).content, *canonical(message));
  EXPECT_EQ(transformed(keeping({"/a/missing", "/y/k"}), message).content, R"({"y":{"k":0}})");
}

TEST(Transform, KeepsTheRootsKindWhenNothingIsThere) {
  EXPECT_EQ(transformed(keeping({"/x"}), R"({"a":1})").content, "{}");
  EXPECT_EQ(transformed(keeping({"/x"}), "[1]").content, "[]");
  EXPECT_EQ(transformed(keeping({"/x"}), "5").content, "null");
  EXPECT_EQ(transformed(keeping({""}), "5").content, "5");
}

TEST(Transform, MakesTheKeyBeforeDropping) {
  TransformSpec spec = keyed({"/method", "/params/symbol", "/no"});
  spec.drop_pointers = {"/params", "/id"};
  EXPECT_EQ(transformed(spec, R"({"params":{"symbol":"B\u0054C"},"id":3,"method":"m"})"),
            (Delivered{R"({"method":"m"})", R"(["m","BTC",null])"}));
  spec = keyed({"/a"});
  spec.keep_pointers = {"/b"};
  EXPECT_EQ(transformed(spec, R"({"a":{"y":1.0,"x":2},"b":1})"),
            (Delivered{R"({"b":1})", R"([{"x":2,"y":1}])"}));
}

TEST(Transform, ForgetsTheMessageBefore) {
  TransformSpec spec = dropping({"/id"});
  spec.key_pointers = {"/k"};
  Transform transform = Transform::compile(spec).value();
  Transform moved = std::move(transform);
  Delivered out;
  // Larger than what is kept in reserve, with escapes, and broken off in an object.
  const Bytes large = "{\"k\":[" + std::string(20'000, ' ') + "\"\\u0041\"]" + std::string(200'000, ' ');
  for (int round = 0; round < 3; ++round) {
    moved.apply(MessageKind::Text, large, out);
    EXPECT_EQ(out, (Delivered{large, ""}));
    moved.apply(MessageKind::Text, large + "}", out);
    EXPECT_EQ(out, (Delivered{R"({"k":["A"]})", R"([["A"]])"}));
    moved.apply(MessageKind::Text, R"({"id":1,"\u006b":2})", out);
    EXPECT_EQ(out, (Delivered{R"({"k":2})", "[2]"}));
  }
}

}  // namespace
}  // namespace icws::transform
