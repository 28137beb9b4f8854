// The declared table of settings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapter/config.h"

namespace icws::adapter {

// A text that is one of a few.
struct Choice {
  std::string AdapterConfig::* field;
  std::span<const std::string_view> values;
};

// A member of the objects in a list; all members are texts. For records().
template <class Record>
struct RecordMember {
  std::string_view name;
  std::string Record::* field;
  // May not be left out.
  bool required;
  std::string_view meaning;
};

// A list of objects with declared members, whatever their type.
struct RecordList {
  struct Member {
    std::string_view name;
    bool required;
    std::string_view meaning;
  };
  size_t members;
  Member (*member)(size_t index);
  size_t (*size)(const AdapterConfig&);
  void (*clear)(AdapterConfig&);
  void (*append)(AdapterConfig&);
  const std::string& (*read)(const AdapterConfig&, size_t record, size_t member);
  std::string& (*write)(AdapterConfig&, size_t record, size_t member);
};

// For the table: `records<&AdapterConfig::things, kThingMembers>()`, with
// `constexpr RecordMember<Thing> kThingMembers[] = {...}` at namespace scope. `Config`: a test's own
// settings.
template <auto field, const auto& members_of, class Config = AdapterConfig>
constexpr RecordList records() {
  return {std::size(members_of),
          [](size_t index) {
            const auto& member = members_of[index];
            return RecordList::Member{member.name, member.required, member.meaning};
          },
          [](const AdapterConfig& config) { return (static_cast<const Config&>(config).*field).size(); },
          [](AdapterConfig& config) { (static_cast<Config&>(config).*field).clear(); },
          [](AdapterConfig& config) { (static_cast<Config&>(config).*field).emplace_back(); },
          [](const AdapterConfig& config, size_t record, size_t member) -> const std::string& {
            return (static_cast<const Config&>(config).*field)[record].*(members_of[member].field);
          },
          [](AdapterConfig& config, size_t record, size_t member) -> std::string& {
            return (static_cast<Config&>(config).*field)[record].*(members_of[member].field);
          }};
}

// The types a setting may have: duration, count or bytes (told by the unit), truth, text, choice, list of
// texts, list of objects.
using SettingField =
    std::variant<Milliseconds AdapterConfig::*, uint64_t AdapterConfig::*, bool AdapterConfig::*,
                 std::string AdapterConfig::*, Choice, std::vector<std::string> AdapterConfig::*, RecordList>;

enum class Reload : uint8_t { kRestart, kSighup };

// One setting: a row of the table.
struct Setting {
  // As in the file; the flag has dashes (flag_of).
  std::string_view name;
  SettingField field;
  std::string_view group;
  // Numbers: the least and greatest value. Texts: bytes. Lists: entries.
  uint64_t min;
  uint64_t max;
  // "ms", "bytes", or what is counted; empty for what is no number.
  std::string_view unit;
  Reload reload;
  // What it is: a phrase, without a full stop.
  std::string_view meaning;
  // Why the default is what it is, or what the setting is good for: whole sentences.
  std::string_view reason;
  // Judges a text, or each entry of a list of texts: nothing, or what is wrong with it. Null: any will do.
  std::optional<std::string> (*check)(std::string_view) = nullptr;
};

std::span<const Setting> settings();

const Setting* find_setting(std::string_view name, std::span<const Setting> table = settings());

// "--open-timeout"; for lists, whose flags give one entry each, the singular: "--allow-network", "--proxy".
// Empty for lists of objects, which only the file can give.
std::string flag_of(const Setting& setting);

// The name that was probably meant by an unknown one; empty if none is near.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

}  // namespace icws::adapter
