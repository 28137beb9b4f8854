#include "tools/setup_commands.h"

#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "tools/cluster_file.h"
#include "tools/comet_home.h"
#include "tools/exit_status.h"
#include "tools/key_file.h"

namespace icws::tools {
namespace {

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return out.str();
}

replica::ClusterParams read_cluster(const std::filesystem::path& file) {
  auto cluster = parse_cluster(read_text(file));
  if (cluster) return std::move(*cluster);
  std::string faults;
  for (const auto& fault : cluster.error()) faults += (faults.empty() ? "" : "; ") + fault;
  throw std::runtime_error(file.string() + ": " + faults);
}

}  // namespace

int setup_key(const std::filesystem::path& file) {
  std::cout << to_hex(SigningKey(create_key_file(file)).public_key()) << "\n";
  return kExitOk;
}

int setup_node_id(const std::filesystem::path& key_file) {
  std::cout << engine::node_id(SigningKey(read_seed(key_file)).public_key()) << "\n";
  return kExitOk;
}

int setup_cluster(const std::string& chain_id, const std::vector<std::string>& keys) {
  replica::ClusterParams params;
  params.chain_id = chain_id;
  for (const auto& text : keys) {
    auto key = from_hex(text);
    if (!key || key->size() != 32) throw std::runtime_error("a public key must be 64 hexadecimal digits");
    params.replica_keys.push_back(std::move(*key));
  }
  const std::string text = format_cluster(params);
  // What this prints, icws-replica must take.
  if (auto parsed = parse_cluster(text); !parsed) throw std::runtime_error(parsed.error().front());
  std::cout << text;
  return kExitOk;
}

int setup_genesis(const std::filesystem::path& cluster) {
  const auto now =
      std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  std::cout << engine::format_genesis(read_cluster(cluster), BlockTime(now));
  return kExitOk;
}

int setup_home(const HomeArguments& arguments) {
  const auto cluster = read_cluster(arguments.cluster);
  write_comet_home(arguments.home, {.config = engine::format_node_config(arguments.config, cluster),
                                    .genesis = read_text(arguments.genesis),
                                    .seed = read_seed(arguments.key),
                                    .node_seed = read_seed(arguments.node_key)});
  std::cout << "made " << arguments.home.string() << "; start it with: cometbft start --home "
            << arguments.home.string() << "\n";
  return kExitOk;
}

int setup_validator_key(const std::filesystem::path& home, const std::filesystem::path& key_file) {
  const Bytes seed = read_seed(key_file);
  replace_validator_key(home, seed);
  std::cout << "from its next start on the node votes with " << to_hex(SigningKey(seed).public_key()) << "\n";
  return kExitOk;
}

}  // namespace icws::tools
