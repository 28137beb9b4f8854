// Settings from JSON and flags: types, ranges, names, every fault at once.
#include "adapter/config_parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace icws::adapter {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Thing {
  std::string name;
  std::string file;
};
constexpr RecordMember<Thing> kThingMembers[] = {{"name", &Thing::name, true, "what it is called"},
                                                 {"file", &Thing::file, false, "where it lies"}};

// One setting of each type, whichever the adapter has.
struct EveryType : AdapterConfig {
  Milliseconds wait{1};
  uint64_t count = 1;
  bool truth = false;
  std::string text;
  std::string choice = "red";
  std::vector<std::string> texts;
  std::vector<Thing> things;
};
constexpr std::string_view kColours[] = {"red", "green"};

template <class Value>
constexpr Value AdapterConfig::* field(Value EveryType::* own) {
  return static_cast<Value AdapterConfig::*>(own);
}

std::optional<std::string> refuse_spaces(std::string_view text) {
  if (text.find(' ') == std::string_view::npos) return std::nullopt;
  return "no spaces";
}

constexpr Setting row(std::string_view name, SettingField where, uint64_t min, uint64_t max,
                      decltype(Setting::check) check = nullptr) {
  return {name, where, "Group", min, max, "", Reload::kRestart, "meaning", "Reason.", check};
}

std::span<const Setting> table() {
  static const Setting kTable[] = {
      row("wait", field(&EveryType::wait), 1, 10),
      row("count", field(&EveryType::count), 0, UINT64_MAX),
      row("truth", field(&EveryType::truth), 0, 0),
      row("text", field(&EveryType::text), 0, 5, refuse_spaces),
      row("choice", Choice{field(&EveryType::choice), kColours}, 0, 0),
      row("texts", field(&EveryType::texts), 0, 2, refuse_spaces),
      row("things", records<&EveryType::things, kThingMembers, EveryType>(), 0, 2),
  };
  return kTable;
}

ConfigFaults faults_of(std::string_view text) {
  EveryType config;
  const auto applied = apply_json(text, config, table());
  return applied ? ConfigFaults{} : applied.error();
}

std::string only_fault_of(std::string_view text) {
  const auto faults = faults_of(text);
  return faults.size() == 1 ? faults[0] : std::to_string(faults.size()) + " faults";
}

TEST(ConfigParse, TakesEveryType) {
  EveryType config;
  ASSERT_TRUE(apply_json(R"({"wait": 5, "count": 6, "truth": true, "text": "a", "choice": "green",
                             "texts": ["b", "c"],
                             "things": [{"name": "n"}, {"name": "m", "file": "f"}]})",
                         config, table()));
  EXPECT_EQ(config.wait, Milliseconds(5));
  EXPECT_EQ(config.count, 6U);
  EXPECT_TRUE(config.truth);
  EXPECT_EQ(config.text, "a");
  EXPECT_EQ(config.choice, "green");
  EXPECT_THAT(config.texts, ElementsAre("b", "c"));
  ASSERT_EQ(config.things.size(), 2U);
  EXPECT_EQ(config.things[0].name, "n");
  EXPECT_EQ(config.things[1].file, "f");
}

TEST(ConfigParse, RefusesOtherTypes) {
  EXPECT_EQ(only_fault_of(R"({"wait": "5"})"), "wait: a whole number");
  EXPECT_EQ(only_fault_of(R"({"wait": 1.5})"), "wait: a whole number");
  EXPECT_EQ(only_fault_of(R"({"count": -1})"), "count: a whole number");
  EXPECT_EQ(only_fault_of(R"({"truth": 1})"), "truth: true or false");
  EXPECT_EQ(only_fault_of(R"({"text": null})"), "text: a text");
  EXPECT_EQ(only_fault_of(R"({"choice": "blue"})"), "choice: one of red, green");
  EXPECT_EQ(only_fault_of(R"({"texts": "b"})"), "texts: a list of texts");
  EXPECT_EQ(only_fault_of(R"({"texts": ["b", 1]})"), "texts[1]: a text");
  EXPECT_EQ(only_fault_of(R"({"things": {}})"), "things: a list of objects");
  EXPECT_EQ(only_fault_of(R"({"things": ["n"]})"), "things[0]: an object");
  EXPECT_EQ(only_fault_of(R"([])"), "not a JSON object");
}

TEST(ConfigParse, KeepsToRanges) {
  EXPECT_THAT(faults_of(R"({"wait": 1})"), ElementsAre());
  EXPECT_THAT(faults_of(R"({"wait": 10, "count": 18446744073709551615, "text": "12345"})"), ElementsAre());
  EXPECT_EQ(only_fault_of(R"({"wait": 0})"), "wait: 1 to 10");
  EXPECT_EQ(only_fault_of(R"({"wait": 11})"), "wait: 1 to 10");
  EXPECT_EQ(only_fault_of(R"({"count": 18446744073709551616})"), "count: a whole number");
  EXPECT_EQ(only_fault_of(R"({"text": "123456"})"), "text: 0 to 5 bytes");
  EXPECT_EQ(only_fault_of(R"({"texts": ["1", "2", "3"]})"), "texts: 0 to 2 entries");
  EXPECT_EQ(only_fault_of(R"({"texts": [""]})"), "texts[0]: 1 to 4095 bytes");
}

TEST(ConfigParse, JudgesTexts) {
  EXPECT_EQ(only_fault_of(R"({"text": "a b"})"), "text: no spaces");
  EXPECT_EQ(only_fault_of(R"({"texts": ["a", "b c"]})"), "texts[1]: no spaces");
  EXPECT_EQ(only_fault_of(R"({"text": "a\u0000"})"), "text: no zero bytes");
}

TEST(ConfigParse, HintsAtTheNearestName) {
  EXPECT_EQ(only_fault_of(R"({"wiat": 1})"), R"("wiat": no such setting; did you mean wait?)");
  EXPECT_EQ(only_fault_of(R"({"thing": []})"), R"("thing": no such setting; did you mean things?)");
  EXPECT_EQ(only_fault_of(R"({"unheard-of": 1})"), R"("unheard-of": no such setting)");
  EXPECT_EQ(only_fault_of(R"({"things": [{"name": "n", "fiel": "f"}]})"),
            R"(things[0]: "fiel": no such member; did you mean file?)");
  EXPECT_EQ(only_fault_of(R"({"things": [{"file": "f"}]})"), "things[0].name: is missing");
  EXPECT_EQ(only_fault_of(R"({"things": [{"name": ""}]})"), "things[0].name: 1 to 4095 bytes");
}

TEST(ConfigParse, NamesEveryFaultAndKeepsTheRest) {
  EveryType config;
  const auto applied =
      apply_json(R"({"wait": 0, "count": 7, "truth": 0, "texts": ["a b", "c"], "x": 1, "things": [{}]})",
                 config, table());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().size(), 5U);
  EXPECT_EQ(config.count, 7U);
}

TEST(ConfigParse, RefusesAKeyThatStandsTwice) {
  EXPECT_EQ(only_fault_of("{\"wait\": 2,\n\"count\": 3,\n\n\"wait\": 2}"),
            "wait: again on line 4; it stands on line 1 already");
  EXPECT_EQ(only_fault_of(R"({"things": [{"name": "n"}, {"name": "m", "file": "f", "name": "m"}]})"),
            "things[1].name: again on line 1; it stands on line 1 already");
  // Escapes make no other key, nor does what stands between.
  EXPECT_EQ(only_fault_of("{\"wait\": 2, /* a\nb */ // \"wait\"\n\"w\\u0061it\": 3}"),
            "wait: again on line 3; it stands on line 1 already");
  EXPECT_THAT(faults_of(R"({"\u00e9": 1, "é": 1, "\ud83d\ude00": 1, "😀": 1})"),
              testing::IsSupersetOf({HasSubstr("\"é\": again"), HasSubstr("\"😀\": again")}));
  // Each time more is a fault.
  EXPECT_THAT(faults_of("{\"wait\": 2,\n\"wait\": 3,\n\"wait\": 4}"),
              ElementsAre("wait: again on line 2; it stands on line 1 already",
                          "wait: again on line 3; it stands on line 1 already"));
  // An object in a list in an object that is a list's entry, and keys that say nothing in a path.
  EXPECT_THAT(faults_of(R"({"things": [[], [{"a.b": [0, {"": 1, "": 2}]}]]})"),
              testing::Contains(R"(things[1][0]."a.b"[1]."": again on line 1; it stands on line 1 already)"));
}

TEST(ConfigParse, LetsAKeyStandInEachObject) {
  EXPECT_THAT(
      faults_of(R"({"things": [{"name": "name", "file": "name"}, {"name": "name"}], "text": "text"})"),
      ElementsAre());
  EXPECT_THAT(faults_of(R"({"wait": 2, "texts": ["wait", "wait"]})"), ElementsAre());
}

TEST(ConfigParse, NamesRepeatedKeysBesideEveryOtherFault) {
  EXPECT_THAT(faults_of("{\"wait\": 0, \"wiat\": 1,\n\"truth\": true, \"truth\": true,"
                        "\"things\": [{\"file\": \"f\",\n\"file\": \"g\"}]}"),
              testing::UnorderedElementsAre(HasSubstr("wait: 1 to 10"), HasSubstr("did you mean wait"),
                                            HasSubstr("truth: again on line 2"),
                                            HasSubstr("things[0].file: again on line 3"),
                                            HasSubstr("things[0].name: is missing")));
  EXPECT_THAT(faults_of("{\"wait\": 2,\n\"wait\": 2,\n\"count\" 3}"),
              ElementsAre(HasSubstr("wait: again on line 2"), HasSubstr("not JSON at line 3")));
}

TEST(ConfigParse, TakesCommentsAndTellsTheLineOfAnError) {
  EXPECT_THAT(faults_of("// a\n{ /* b */ \"wait\": 2, // c\n}\n"), ElementsAre());
  EXPECT_THAT(only_fault_of("{\n\"wait\": 2\n\"count\": 3}"), HasSubstr("line 3"));
  EXPECT_THAT(only_fault_of("{\"wait\": 2"), HasSubstr("not JSON"));
  EXPECT_THAT(only_fault_of("{} {}"), HasSubstr("not JSON"));
  EXPECT_THAT(only_fault_of(""), HasSubstr("not JSON"));
  EXPECT_THAT(only_fault_of(std::string(100, '[')), HasSubstr("not JSON"));
}

TEST(ConfigParse, KeepsToItsSize) {
  EXPECT_THAT(faults_of("{}" + std::string(kConfigBytesMax - 2, ' ')), ElementsAre());
  EXPECT_THAT(only_fault_of("{}" + std::string(kConfigBytesMax - 1, ' ')), HasSubstr("more than 1048576"));
}

TEST(ConfigParse, TakesFlagsAsTheFileWould) {
  EveryType config;
  const auto apply = [&](std::string_view name, std::vector<std::string> texts) {
    const auto applied = apply_texts(*find_setting(name, table()), texts, config);
    return applied ? ConfigFaults{} : applied.error();
  };
  EXPECT_THAT(apply("wait", {"3", "4"}), ElementsAre());
  EXPECT_EQ(config.wait, Milliseconds(4));
  EXPECT_THAT(apply("wait", {"4ms"}), ElementsAre("wait: a whole number"));
  EXPECT_THAT(apply("wait", {"11"}), ElementsAre("wait: 1 to 10"));
  EXPECT_THAT(apply("truth", {"true"}), ElementsAre());
  EXPECT_TRUE(config.truth);
  EXPECT_THAT(apply("truth", {"yes"}), ElementsAre("truth: true or false"));
  EXPECT_THAT(apply("text", {"7"}), ElementsAre());
  EXPECT_EQ(config.text, "7");
  config.texts = {"of the file"};
  EXPECT_THAT(apply("texts", {"b"}), ElementsAre("texts[0]: no spaces"));
  config.texts = {"file"};
  EXPECT_THAT(apply("texts", {"flag"}), ElementsAre());
  EXPECT_THAT(config.texts, ElementsAre("file", "flag"));
}

TEST(ConfigParse, ReadsBackWhatItWrites) {
  for (const auto& setting : settings()) {
    AdapterConfig config;
    EXPECT_FALSE(setting.name.empty());
    const auto text = "{\"" + std::string(setting.name) +
                      "\": " + boost::json::serialize(to_json(setting, AdapterConfig{})) + "}";
    EXPECT_TRUE(apply_json(text, config)) << text;
    EXPECT_EQ(config, AdapterConfig{}) << text;
  }
}

TEST(ConfigValidate, FindsTheDefaultsValid) { EXPECT_THAT(validate(AdapterConfig{}), ElementsAre()); }

TEST(ConfigReload, TakesWhatMayChangeAndNamesTheRest) {
  AdapterConfig config;
  auto next = config;
  next.open_timeout = Milliseconds(5);
  next.deny_networks = {"10.0.0.0/8"};
  next.tls_destinations = {{"example.com", "/roots", "", ""}};
  next.socket = "/other";
  EXPECT_THAT(take_reloadable(next, config), ElementsAre("socket"));
  EXPECT_EQ(config.socket, "");
  next.socket = "";
  EXPECT_EQ(config, next);
  EXPECT_THAT(take_reloadable(next, config), ElementsAre());
}

TEST(ConfigValidate, KeepsEachNumberToItsRange) {
  for (const auto& setting : settings()) {
    if (setting.unit.empty()) continue;
    for (const auto& [value, valid] :
         {std::pair{setting.min, true}, std::pair{setting.max, true}, std::pair{setting.min - 1, false},
          std::pair{setting.max + 1, false}}) {
      AdapterConfig config;
      const std::vector<std::string> texts{std::to_string(value)};
      EXPECT_EQ(apply_texts(setting, texts, config).has_value(), valid) << setting.name << " " << value;
    }
  }
}

TEST(ConfigValidate, JudgesWhatDidNotComeFromAFile) {
  AdapterConfig config;
  config.socket = std::string(108, 's');
  config.log_level = "loud";
  config.allow_networks = {"10.0.0.0/99"};
  config.connections_max = 10;
  config.sockets_max = 9;
  config.events_max = 0;
  EXPECT_THAT(validate(config),
              testing::UnorderedElementsAre(HasSubstr("socket: 0 to 107"), HasSubstr("log_level: one of"),
                                            HasSubstr("10.0.0.0/99"), HasSubstr("sockets_max: at least"),
                                            HasSubstr("events_max: 1 to")));
}

TEST(ConfigTable, NamesAndFlagsAreUnique) {
  std::vector<std::string> names;
  for (const auto& setting : settings()) {
    names.emplace_back(setting.name);
    if (const auto flag = flag_of(setting); !flag.empty()) names.push_back(flag);
    EXPECT_FALSE(setting.meaning.empty() || setting.meaning.ends_with('.')) << setting.name;
    EXPECT_TRUE(setting.reason.ends_with('.')) << setting.name;
  }
  auto unique = names;
  std::ranges::sort(unique);
  unique.erase(std::ranges::unique(unique).begin(), unique.end());
  EXPECT_EQ(unique.size(), names.size());
}

TEST(ConfigTable, MakesFlagsOfNames) {
  EXPECT_EQ(flag_of(*find_setting("open_timeout")), "--open-timeout");
  EXPECT_EQ(flag_of(*find_setting("allow_networks")), "--allow-network");
  EXPECT_EQ(flag_of(row("proxies", field(&EveryType::texts), 0, 2)), "--proxy");
  EXPECT_EQ(flag_of(*find_setting("things", table())), "");
}

}  // namespace
}  // namespace icws::adapter
