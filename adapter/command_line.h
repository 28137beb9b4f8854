// The command line, and the settings that it and the file come to.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "adapter/config_parse.h"

namespace icws::adapter {

enum class Command : uint8_t { kRun, kCheck, kHelp, kVersion, kPrintSample, kPrintDocument };

// What: what was asked for. Kept while the daemon runs, to read the file again.
struct CommandLine {
  Command command = Command::kRun;
  // Empty: none.
  std::string config_file;
  std::map<const Setting*, std::vector<std::string>> flags;
};

// `arguments`: without the program's name. Not CLI11, which stops at the first fault. Errors: every unknown
// flag (with the nearest known one), every flag without its value, everything that is no flag.
std::expected<CommandLine, ConfigFaults> parse_command_line(std::span<const std::string> arguments);

// Reads the file and puts the flags over it. Errors: every fault of the outcome at once; without a path for
// the gRPC socket that is one, unless systemd passes the socket.
std::expected<AdapterConfig, ConfigFaults> load_config(const CommandLine& command_line,
                                                       bool socket_is_passed);

std::string help_text();

}  // namespace icws::adapter
