#include "adapter/config_parse.h"

#include <algorithm>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <charconv>
#include <optional>

#include "adapter/json_keys.h"

namespace icws::adapter {
namespace {

namespace json = boost::json;
using C = AdapterConfig;
using Texts = std::vector<std::string>;

constexpr size_t kJsonDepthMax = 8;
// Entries of lists; names and paths are far shorter.
constexpr uint64_t kEntryBytesMax = 4'095;

std::string range_fault(const std::string& name, uint64_t min, uint64_t max, std::string_view unit) {
  return name + ": " + std::to_string(min) + " to " + std::to_string(max) +
         (unit.empty() ? "" : " " + std::string(unit));
}

std::string unknown_fault(const std::string& name, std::string_view what,
                          std::span<const std::string_view> known) {
  const auto nearest = nearest_name(name, known);
  return quoted(name) + ": no such " + std::string(what) +
         (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?");
}

// Puts JSON values into one setting's field and collects what is wrong with them.
class Applier {
 public:
  Applier(const Setting& setting, C& config, ConfigFaults& faults)
      : setting_(setting), name_(setting.name), config_(config), faults_(faults) {}

  void apply(const json::value& value) {
    std::visit([&](const auto& field) { set(field, value); }, setting_.field);
  }

  void set(Milliseconds C::* field, const json::value& value) {
    if (const auto number = whole_number(value)) config_.*field = Milliseconds(*number);
  }
  void set(uint64_t C::* field, const json::value& value) {
    if (const auto number = whole_number(value)) config_.*field = *number;
  }
  void set(bool C::* field, const json::value& value) {
    if (value.is_bool()) {
      config_.*field = value.get_bool();
    } else {
      fault(": true or false");
    }
  }
  void set(std::string C::* field, const json::value& value) {
    if (auto text = text_of(value, name_, setting_.min, setting_.max)) config_.*field = std::move(*text);
  }
  void set(const Choice& choice, const json::value& value) {
    if (value.is_string() && std::ranges::count(choice.values, std::string_view(value.get_string())) > 0) {
      config_.*choice.field = std::string(value.get_string());
      return;
    }
    std::string known;
    for (const auto allowed : choice.values) known += (known.empty() ? "" : ", ") + std::string(allowed);
    fault(": one of " + known);
  }
  void set(Texts C::* field, const json::value& value) {
    const auto* list = list_of(value, "texts");
    if (!list) return;
    Texts out;
    for (size_t i = 0; i < list->size(); ++i) {
      if (auto text = text_of((*list)[i], entry_name(i), 1, kEntryBytesMax)) out.push_back(std::move(*text));
    }
    config_.*field = std::move(out);
  }
  void set(const RecordList& records, const json::value& value) {
    const auto* list = list_of(value, "objects");
    if (!list) return;
    records.clear(config_);
    for (size_t i = 0; i < list->size(); ++i) {
      if ((*list)[i].is_object()) {
        set_record(records, (*list)[i].get_object(), i);
      } else {
        faults_.push_back(entry_name(i) + ": an object");
      }
    }
  }

 private:
  void fault(const std::string& sentence) { faults_.push_back(name_ + sentence); }
  std::string entry_name(size_t index) const { return name_ + "[" + std::to_string(index) + "]"; }

  std::optional<uint64_t> whole_number(const json::value& value) {
    std::optional<uint64_t> number;
    if (value.is_int64() && value.get_int64() >= 0) number = static_cast<uint64_t>(value.get_int64());
    if (value.is_uint64()) number = value.get_uint64();
    if (!number) {
      fault(": a whole number");
    } else if (*number < setting_.min || *number > setting_.max) {
      faults_.push_back(range_fault(name_, setting_.min, setting_.max, setting_.unit));
      number.reset();
    }
    return number;
  }

  std::optional<std::string> text_of(const json::value& value, const std::string& name, uint64_t min,
                                     uint64_t max) {
    if (!value.is_string()) {
      faults_.push_back(name + ": a text");
      return std::nullopt;
    }
    const std::string_view text = value.get_string();
    if (text.size() < min || text.size() > max) {
      faults_.push_back(range_fault(name, min, max, "bytes"));
      return std::nullopt;
    }
    if (text.find('\0') != std::string_view::npos) {
      faults_.push_back(name + ": no zero bytes");
      return std::nullopt;
    }
    if (const auto wrong = setting_.check ? setting_.check(text) : std::nullopt) {
      faults_.push_back(name + ": " + *wrong);
      return std::nullopt;
    }
    return std::string(text);
  }

  const json::array* list_of(const json::value& value, std::string_view what) {
    if (!value.is_array()) {
      fault(": a list of " + std::string(what));
      return nullptr;
    }
    const auto& list = value.get_array();
    if (list.size() >= setting_.min && list.size() <= setting_.max) return &list;
    faults_.push_back(range_fault(name_, setting_.min, setting_.max, "entries"));
    return nullptr;
  }

  void set_record(const RecordList& records, const json::object& object, size_t index) {
    records.append(config_);
    const size_t record = records.size(config_) - 1;
    std::vector<std::string_view> known;
    for (size_t i = 0; i < records.members; ++i) {
      const auto member = records.member(i);
      known.push_back(member.name);
      const auto name = entry_name(index) + "." + std::string(member.name);
      if (const auto* value = object.if_contains(member.name)) {
        auto text = text_of(*value, name, member.required ? 1 : 0, kEntryBytesMax);
        if (text) records.write(config_, record, i) = std::move(*text);
      } else if (member.required) {
        faults_.push_back(name + ": is missing");
      }
    }
    for (const auto& [key, value] : object) {
      if (std::ranges::count(known, std::string_view(key)) > 0) continue;
      faults_.push_back(entry_name(index) + ": " + unknown_fault(key, "member", known));
    }
  }

  const Setting& setting_;
  const std::string name_;
  C& config_;
  ConfigFaults& faults_;
};

// Where a syntax error is, for the operator's editor.
std::string line_of(std::string_view text, size_t offset) {
  return "line " + std::to_string(1 + std::ranges::count(text.substr(0, offset), '\n'));
}

json::parse_options parse_options() {
  json::parse_options out;
  out.allow_comments = true;
  out.allow_trailing_commas = true;
  out.max_depth = kJsonDepthMax;
  return out;
}

std::expected<json::value, std::string> parse(std::string_view text) {
  json::parser parser({}, parse_options());
  boost::system::error_code error;
  const size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size()) error = json::error::extra_data;
  if (error) return std::unexpected("not JSON at " + line_of(text, read) + ": " + error.message());
  return parser.release();
}

// The value that a flag's text stands for, as the file would have it. Texts that are none stay texts, which
// the setting refuses.
json::value value_of(const Setting& setting, const std::string& text) {
  const auto& field = setting.field;
  const bool truth = std::holds_alternative<bool C::*>(field);
  if (truth && (text == "true" || text == "false")) return text == "true";
  const bool number =
      std::holds_alternative<Milliseconds C::*>(field) || std::holds_alternative<uint64_t C::*>(field);
  int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (number && error == std::errc() && end == text.data() + text.size()) return out;
  return json::value(text);
}

json::array record_values(const RecordList& records, const C& config) {
  json::array out;
  for (size_t record = 0; record < records.size(config); ++record) {
    json::object object;
    for (size_t i = 0; i < records.members; ++i) {
      const auto member = records.member(i);
      const auto& text = records.read(config, record, i);
      if (member.required || !text.empty()) object[member.name] = text;
    }
    out.push_back(std::move(object));
  }
  return out;
}

struct ToJson {
  const C& config;

  json::value operator()(Milliseconds C::* field) const { return (config.*field).count(); }
  json::value operator()(uint64_t C::* field) const { return static_cast<int64_t>(config.*field); }
  json::value operator()(bool C::* field) const { return config.*field; }
  json::value operator()(std::string C::* field) const { return json::value(config.*field); }
  json::value operator()(const Choice& choice) const { return json::value(config.*choice.field); }
  json::value operator()(Texts C::* field) const { return json::value_from(config.*field); }
  json::value operator()(const RecordList& records) const { return record_values(records, config); }
};

}  // namespace

std::expected<void, ConfigFaults> apply_json(std::string_view text, AdapterConfig& config,
                                             std::span<const Setting> table) {
  if (text.size() > kConfigBytesMax) {
    return std::unexpected(ConfigFaults{"more than " + std::to_string(kConfigBytesMax) + " bytes"});
  }
  const auto parsed = parse(text);
  auto faults = repeated_keys(text, parse_options());
  if (!parsed || !parsed->is_object()) {
    faults.push_back(parsed ? "not a JSON object" : parsed.error());
    return std::unexpected(std::move(faults));
  }
  for (const auto& [key, value] : parsed->get_object()) {
    const std::string name(key);
    if (const auto* setting = find_setting(name, table)) {
      Applier(*setting, config, faults).apply(value);
      continue;
    }
    std::vector<std::string_view> known;
    for (const auto& setting : table) known.push_back(setting.name);
    faults.push_back(unknown_fault(name, "setting", known));
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return {};
}

std::expected<void, ConfigFaults> apply_texts(const Setting& setting, std::span<const std::string> texts,
                                              AdapterConfig& config) {
  ConfigFaults faults;
  auto value = to_json(setting, config);
  for (const auto& text : texts) {
    if (value.is_array()) {
      value.get_array().push_back(value_of(setting, text));
    } else {
      value = value_of(setting, text);
    }
  }
  Applier(setting, config, faults).apply(value);
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return {};
}

json::value to_json(const Setting& setting, const AdapterConfig& config) {
  return std::visit(ToJson{config}, setting.field);
}

ConfigFaults validate(const AdapterConfig& config, std::span<const Setting> table) {
  ConfigFaults faults;
  for (const auto& setting : table) {
    AdapterConfig copy = config;
    Applier(setting, copy, faults).apply(to_json(setting, config));
  }
  if (config.sockets_max < config.connections_max) {
    faults.emplace_back("sockets_max: at least connections_max");
  }
  return faults;
}

std::vector<std::string> take_reloadable(const AdapterConfig& next, AdapterConfig& config,
                                         std::span<const Setting> table) {
  std::vector<std::string> kept;
  ConfigFaults none;
  for (const auto& setting : table) {
    const auto value = to_json(setting, next);
    if (value == to_json(setting, config)) continue;
    if (setting.reload == Reload::kSighup) {
      Applier(setting, config, none).apply(value);
    } else {
      kept.emplace_back(setting.name);
    }
  }
  return kept;
}

}  // namespace icws::adapter
