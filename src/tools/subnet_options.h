// The command line of icws-subnet.
#pragma once

#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "tools/engine_kind.h"

namespace icws::tools {

struct SubnetOptions {
  // That the subnet begins with.
  uint32_t replicas = 4;
  // CometBFT only: this one alone, beside a subnet that runs in `directory` already.
  std::optional<uint32_t> join;
  EngineKind engine = EngineKind::Local;
  // CometBFT only. Empty: beside this program, else in PATH.
  std::filesystem::path cometbft;
  // Empty: a fresh one below the system's temporary directory.
  std::filesystem::path directory;
  Milliseconds block_interval{50};
  std::vector<std::string> allow_networks;
  std::string ca_file;
  // Settings of all adapters (their --config). Empty: none.
  std::string adapter_config;
  // Adapters offer it for canisters that ask for it.
  bool compression = false;
  std::string canisters = "echo,feed";
  // 0: until a signal.
  Milliseconds run_for{0};
  bool restart = true;
  struct Program {
    std::filesystem::path path;
    std::vector<std::string> arguments;
  };
  // By replica index: what to run in place of icws-replica, with arguments before the usual ones.
  std::map<size_t, Program> replica_programs;

  // Of the replicas that this process runs, ascending.
  std::vector<size_t> indices() const;
};

// On --help or a fault it prints and gives the exit status.
std::expected<SubnetOptions, int> parse_subnet_options(std::vector<std::string> arguments);

}  // namespace icws::tools
