#include "adapter/command_line.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

#include "adapter/config_text.h"

namespace icws::adapter {
namespace {

struct CommandFlag {
  std::string_view flag;
  Command command;
  std::string_view meaning;
};
constexpr CommandFlag kCommands[] = {
    {"--help", Command::kHelp, "print this"},
    {"--version", Command::kVersion, "print the version"},
    {"--check", Command::kCheck, "name every fault of the settings, and end"},
    {"--print-config-sample", Command::kPrintSample, "print a settings file with all defaults and reasons"},
    {"--print-config-document", Command::kPrintDocument, "print docs/config.md"},
};
constexpr std::string_view kConfigFlag = "--config";

const Setting* find_flag(std::string_view flag) {
  for (const auto& setting : settings()) {
    if (!flag.empty() && flag_of(setting) == flag) return &setting;
  }
  return nullptr;
}

std::string unknown_flag(const std::string& flag) {
  std::vector<std::string> flags{std::string(kConfigFlag)};
  for (const auto& command : kCommands) flags.emplace_back(command.flag);
  for (const auto& setting : settings()) flags.push_back(flag_of(setting));
  const std::vector<std::string_view> known(flags.begin(), flags.end());
  const auto nearest = nearest_name(flag, known);
  return flag + ": no such flag" + (nearest.empty() ? "" : "; did you mean " + std::string(nearest) + "?");
}

class Parser {
 public:
  explicit Parser(std::span<const std::string> arguments) : arguments_(arguments) {}

  std::expected<CommandLine, ConfigFaults> parse() {
    for (; next_ < arguments_.size(); ++next_) take(arguments_[next_]);
    if (!faults_.empty()) return std::unexpected(std::move(faults_));
    return std::move(out_);
  }

 private:
  void take(const std::string& argument) {
    const auto equals = argument.find('=');
    const auto flag = argument.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = argument.substr(equals + 1);
    const auto* command = std::ranges::find(kCommands, flag, &CommandFlag::flag);
    const auto* setting = find_flag(flag);
    if (!flag.starts_with("--")) {
      faults_.push_back(argument + ": not a flag");
    } else if (command != std::end(kCommands)) {
      out_.command = command->command;
    } else if (setting) {
      if (auto text = value_of(flag, std::move(value))) out_.flags[setting].push_back(std::move(*text));
    } else if (flag == kConfigFlag) {
      if (auto text = value_of(flag, std::move(value))) out_.config_file = std::move(*text);
    } else {
      faults_.push_back(unknown_flag(flag));
      // Its value is no fault of its own.
      if (!value && next_ + 1 < arguments_.size() && !arguments_[next_ + 1].starts_with("--")) ++next_;
    }
  }

  std::optional<std::string> value_of(const std::string& flag, std::optional<std::string> value) {
    if (!value && next_ + 1 < arguments_.size()) value = arguments_[++next_];
    if (!value) faults_.push_back(flag + ": a value is missing");
    return value;
  }

  std::span<const std::string> arguments_;
  size_t next_ = 0;
  CommandLine out_;
  ConfigFaults faults_;
};

void append(ConfigFaults& faults, const std::string& where, ConfigFaults more) {
  for (auto& fault : more) faults.push_back(where + std::move(fault));
}

void apply_file(const std::string& name, AdapterConfig& config, ConfigFaults& faults) {
  std::ifstream file(name, std::ios::binary);
  std::string text(kConfigBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  // Too short is what it should be; anything else that goes wrong is not.
  if (file.bad() || (!file && !file.eof())) {
    faults.push_back(name + ": cannot be read");
    return;
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (auto applied = apply_json(text, config); !applied) append(faults, name + ": ", applied.error());
}

void help_line(std::string& out, std::string_view flag, std::string_view meaning) {
  constexpr size_t kColumn = 36;
  std::string line = "  " + std::string(flag);
  line.resize(std::max(line.size() + 1, kColumn), ' ');
  out += line + std::string(meaning) + "\n";
}

}  // namespace

std::expected<CommandLine, ConfigFaults> parse_command_line(std::span<const std::string> arguments) {
  return Parser(arguments).parse();
}

std::expected<AdapterConfig, ConfigFaults> load_config(const CommandLine& command_line,
                                                       bool socket_is_passed) {
  AdapterConfig config;
  ConfigFaults faults;
  if (!command_line.config_file.empty()) apply_file(command_line.config_file, config, faults);
  for (const auto& [setting, texts] : command_line.flags) {
    if (auto applied = apply_texts(*setting, texts, config); !applied) append(faults, "", applied.error());
  }
  append(faults, "", validate(config));
  if (config.socket.empty() && !socket_is_passed) {
    faults.emplace_back("socket: the path of the gRPC socket is needed");
  }
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return config;
}

std::string help_text() {
  std::string out =
      "Opens WebSocket connections for a replica.\n"
      "Usage: icws-adapter [--config FILE] [FLAG VALUE]...\n\n";
  for (const auto& command : kCommands) help_line(out, command.flag, command.meaning);
  help_line(out, std::string(kConfigFlag) + " FILE", "JSON file of settings; flags win, lists add up");
  std::string_view group;
  for (const auto& setting : settings()) {
    const auto flag = flag_of(setting);
    if (group != setting.group) out += "\n" + std::string(setting.group) + "\n";
    group = setting.group;
    help_line(out, flag.empty() ? "(file only) " + std::string(setting.name) : flag + " " + "VALUE",
              help_of(setting));
  }
  return out;
}

}  // namespace icws::adapter
