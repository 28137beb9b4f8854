#include "adapter/config_text.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>
#include <vector>

#include "adapter/config_parse.h"

namespace icws::adapter {
namespace {

using C = AdapterConfig;

constexpr size_t kSampleColumns = 110;

// 8388608 bytes is "8 MiB", 30000 ms "30 s"; empty where that says nothing more.
std::string readable(uint64_t value, std::string_view unit) {
  static constexpr std::pair<uint64_t, std::string_view> kBytes[] = {
      {1ULL << 30, "GiB"}, {1ULL << 20, "MiB"}, {1ULL << 10, "KiB"}};
  static constexpr std::pair<uint64_t, std::string_view> kTimes[] = {
      {3'600'000, "h"}, {60'000, "min"}, {1'000, "s"}};
  for (const auto& [size, name] : unit == "bytes" ? kBytes : kTimes) {
    if (value >= size && value % size == 0) return std::to_string(value / size) + " " + std::string(name);
  }
  return {};
}

std::string number_text(uint64_t value, std::string_view unit) {
  const bool has_units = unit == "bytes" || unit == "ms";
  const auto easier = has_units ? readable(value, unit) : "";
  return std::to_string(value) + (easier.empty() ? "" : " (" + easier + ")");
}

struct TypeName {
  const Setting& setting;

  std::string operator()(Milliseconds C::*) const { return "duration, ms"; }
  std::string operator()(uint64_t C::*) const {
    return setting.unit == "bytes" ? "size, bytes" : "count, " + std::string(setting.unit);
  }
  std::string operator()(bool C::*) const { return "true or false"; }
  std::string operator()(std::string C::*) const { return "text"; }
  std::string operator()(const Choice& choice) const {
    std::string out;
    for (const auto value : choice.values) out += (out.empty() ? "" : ", ") + std::string(value);
    return "one of " + out;
  }
  std::string operator()(std::vector<std::string> C::*) const { return "list of texts"; }
  std::string operator()(const RecordList&) const { return "list of objects"; }
};

std::string type_of(const Setting& setting) { return std::visit(TypeName{setting}, setting.field); }

bool is_number(const Setting& setting) {
  return std::holds_alternative<Milliseconds C::*>(setting.field) ||
         std::holds_alternative<uint64_t C::*>(setting.field);
}

bool is_list(const Setting& setting) {
  return std::holds_alternative<std::vector<std::string> C::*>(setting.field) ||
         std::holds_alternative<RecordList>(setting.field);
}

std::string range_of(const Setting& setting) {
  if (is_number(setting)) {
    return number_text(setting.min, setting.unit) + " to " + number_text(setting.max, setting.unit);
  }
  if (is_list(setting)) return "at most " + std::to_string(setting.max) + " entries";
  if (std::holds_alternative<std::string C::*>(setting.field)) {
    return "at most " + std::to_string(setting.max) + " bytes";
  }
  return "";
}

boost::json::value default_of(const Setting& setting) { return to_json(setting, AdapterConfig{}); }

std::string default_text(const Setting& setting) {
  const auto value = default_of(setting);
  if (is_number(setting)) return number_text(static_cast<uint64_t>(value.as_int64()), setting.unit);
  if ((value.is_string() && value.get_string().empty()) || (value.is_array() && value.get_array().empty())) {
    return "none";
  }
  return value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
}

std::string sentence(std::string_view phrase) {
  std::string out(phrase);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 'a' + 'A');
  return out + ".";
}

std::vector<RecordList::Member> members_of(const Setting& setting) {
  std::vector<RecordList::Member> out;
  if (const auto* records = std::get_if<RecordList>(&setting.field)) {
    for (size_t i = 0; i < records->members; ++i) out.push_back(records->member(i));
  }
  return out;
}

std::string member_text(const RecordList::Member& member) {
  return std::string(member.meaning) + (member.required ? " (required)" : "");
}

// Appends `text` as a comment, in lines of kSampleColumns at most.
void comment(std::string& out, std::string_view text) {
  constexpr std::string_view kBegin = "  //";
  std::string line(kBegin);
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (line.size() + 1 + word.size() > kSampleColumns) {
      out += line + "\n";
      line = kBegin;
    }
    line += " " + std::string(word);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  out += line + "\n";
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

void document_row(std::string& out, const Setting& setting) {
  out += "| `" + std::string(setting.name) + "` | " + type_of(setting) + " | " + cell(default_text(setting)) +
         " | " + range_of(setting) + (setting.reload == Reload::kSighup ? " | yes | " : " | no | ") +
         cell(sentence(setting.meaning)) + " " + cell(setting.reason);
  for (const auto& member : members_of(setting)) {
    out += "<br>`" + std::string(member.name) + "`: " + cell(member_text(member)) + ".";
  }
  out += " |\n";
}

}  // namespace

std::string help_of(const Setting& setting) {
  const auto range = range_of(setting);
  return std::string(setting.meaning) + "; " + (range.empty() ? type_of(setting) : range) + "; default " +
         default_text(setting);
}

std::string config_sample(std::span<const Setting> table) {
  std::string out =
      "// Settings of icws-adapter. Each line shows a default; remove the slashes before a name to change "
      "it.\n"
      "// Comments and trailing commas are allowed. `icws-adapter --check --config FILE` names every fault.\n"
      "{\n";
  std::string_view group;
  for (const auto& setting : table) {
    if (group != setting.group) {
      out += (group.empty() ? "" : "\n") + std::string("  // ----- ") + std::string(setting.group) + "\n";
      group = setting.group;
    }
    const auto range = range_of(setting);
    out += "\n";
    comment(out, sentence(setting.meaning) + " " + std::string(setting.reason));
    const bool restarts = setting.reload == Reload::kRestart;
    comment(out, sentence(type_of(setting) + (range.empty() ? "" : "; " + range)) +
                     (restarts ? " A change needs a restart." : ""));
    for (const auto& member : members_of(setting)) {
      comment(out, "- " + std::string(member.name) + ": " + member_text(member));
    }
    out +=
        "  // \"" + std::string(setting.name) + "\": " + boost::json::serialize(default_of(setting)) + ",\n";
  }
  return out + "}\n";
}

std::string config_document(std::span<const Setting> table) {
  std::string out =
      "# Settings of icws-adapter\n"
      "\n"
      "Written by `icws-adapter --print-config-document` from the table in `adapter/config_table.cc`; a test "
      "keeps\n"
      "the two equal. Do not edit.\n"
      "\n"
      "Settings come from a JSON file (`--config FILE`; comments and trailing commas are allowed) and from "
      "flags,\n"
      "which win: `open_timeout` is `--open-timeout MS`. A list's flag gives one entry, is named in the "
      "singular\n"
      "(`--allow-network 10.1.0.0/16`), may be repeated, and adds to the file's list; lists of objects can "
      "only\n"
      "stand in the file. A wrong setting ends the start with status 2, after every fault has been named; an "
      "unknown\n"
      "one is a fault, and so is one that stands in the file twice. `--check` stops after that.\n"
      "`--print-config-sample` prints a file to begin with.\n"
      "\n"
      "SIGHUP reads the file again. Settings with a yes in the column SIGHUP count from then on, without a "
      "connection\n"
      "being dropped: deadlines at once, the others for what is opened afterwards. If anything is wrong, "
      "nothing\n"
      "changes, and the log says why.\n";
  std::string_view group;
  for (const auto& setting : table) {
    if (group != setting.group) {
      group = setting.group;
      out += "\n## " + std::string(group) +
             "\n\n| setting | type | default | range | SIGHUP | what and why |\n|---|---|---|---|---|---|\n";
    }
    document_row(out, setting);
  }
  return out;
}

}  // namespace icws::adapter
