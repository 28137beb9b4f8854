#include "tools/setup_commands.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "engine/cometbft/node_client.h"
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

namespace json = boost::json;

constexpr Milliseconds kNodePatience{10'000};
// So many blocks ago at most is what a node trusts: the light client goes forward from it by leaps, but back
// a block at a time, and a snapshot is some thousand blocks old. Far younger than the week that it may be.
constexpr uint64_t kTrustedBlocksBack = 20'000;

json::value ask(const std::string& node, const std::string& method, json::object params) {
  auto result = engine::NodeClient(node).call(method, std::move(params), kNodePatience);
  if (!result) throw std::runtime_error("the node at " + node + ": " + result.error());
  return std::move(*result);
}

// In a node's JSON numbers of 64 bits are texts.
uint64_t number_at(const json::value& value, const char* pointer) {
  return std::stoull(std::string(value.at_pointer(pointer).as_string()));
}

// A block that all of these nodes have, and say the same of.
engine::NodeConfig::StateSync trusted_by(const std::vector<std::string>& nodes) {
  if (nodes.size() < 2) throw std::runtime_error("--state-sync-from: name two nodes at least");
  engine::NodeConfig::StateSync out;
  uint64_t earliest = 1;
  uint64_t latest = UINT64_MAX;
  for (const std::string& node : nodes) {
    const json::value status = ask(node, "status", {});
    earliest = std::max(earliest, number_at(status, "/sync_info/earliest_block_height"));
    latest = std::min(latest, number_at(status, "/sync_info/latest_block_height"));
    out.rpc_servers.push_back("http://" + node);
  }
  if (earliest > latest) throw std::runtime_error("these nodes have no block in common");
  out.trust_height = std::max(earliest, latest - std::min(latest, kTrustedBlocksBack));
  for (const std::string& node : nodes) {
    const json::value commit = ask(node, "commit", {{"height", std::to_string(out.trust_height)}});
    const std::string hash(commit.at_pointer("/signed_header/commit/block_id/hash").as_string());
    if (!out.trust_hash.empty() && hash != out.trust_hash) {
      throw std::runtime_error("the nodes name different blocks of height " +
                               std::to_string(out.trust_height) + ": " + out.trust_hash + " and " + hash);
    }
    out.trust_hash = hash;
  }
  return out;
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
  engine::NodeConfig config = arguments.config;
  if (!arguments.state_sync_from.empty()) config.state_sync = trusted_by(arguments.state_sync_from);
  write_comet_home(arguments.home, {.config = engine::format_node_config(config, cluster),
                                    .genesis = read_text(arguments.genesis),
                                    .seed = read_seed(arguments.key),
                                    .node_seed = read_seed(arguments.node_key)});
  if (config.state_sync) {
    std::cout << "trusts block " << config.state_sync->trust_height << ", " << config.state_sync->trust_hash
              << ": compare with another operator\n";
  }
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
