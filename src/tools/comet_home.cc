#include "tools/comet_home.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "engine/cometbft/node_files.h"
#include "tools/key_file.h"

namespace icws::tools {
namespace {

namespace fs = std::filesystem;

// Whole or not at all, and readable by its owner only: some of them are keys.
void write_private(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    fs::permissions(fresh, fs::perms::owner_read | fs::perms::owner_write);
    out << text << std::flush;
    if (!out) throw std::runtime_error("cannot write " + fresh.string());
  }
  fs::rename(fresh, file);
}

void write_once(const fs::path& file, const std::string& text) {
  if (!fs::exists(file)) write_private(file, text);
}

bool runs(const fs::path& program) {
  return ::access(program.c_str(), X_OK) == 0 && fs::is_regular_file(program);
}

}  // namespace

void write_comet_home(const fs::path& home, const CometHome& files) {
  fs::create_directories(home / "config");
  fs::create_directories(home / "data");
  fs::permissions(home, fs::perms::owner_all);
  write_private(home / "config/config.toml", files.config);
  write_once(home / "config/genesis.json", files.genesis);
  write_once(home / "config/priv_validator_key.json", engine::format_validator_key(files.seed));
  write_once(home / "config/node_key.json", engine::format_node_key(files.node_seed));
  write_once(home / "data/priv_validator_state.json", engine::format_fresh_validator_state());
}

void replace_validator_key(const fs::path& home, const Bytes& seed) {
  const fs::path file = home / "config/priv_validator_key.json";
  if (!fs::exists(file)) throw std::runtime_error(home.string() + " is no node's directory");
  write_private(file, engine::format_validator_key(seed));
}

Bytes read_seed(const fs::path& key_file) {
  auto seed = read_key_file(key_file);
  if (!seed) throw std::runtime_error(seed.error());
  return std::move(*seed);
}

fs::path find_cometbft(const fs::path& named) {
  if (!named.empty()) {
    if (runs(named)) return fs::absolute(named);
    throw std::runtime_error(named.string() + " is no program");
  }
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path() / "cometbft";
  if (runs(beside)) return beside;
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!folder.empty() && runs(fs::path(folder) / "cometbft")) return fs::path(folder) / "cometbft";
  }
  throw std::runtime_error(
      "there is no cometbft program, neither beside this one nor in PATH: run scripts/install-cometbft, "
      "which "
      "needs Go 1.22 or later");
}

}  // namespace icws::tools
