#include "tools/replica_options.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "adapter/proxy_address.h"
#include "tools/canister_names.h"
#include "tools/cluster_file.h"
#include "tools/exit_status.h"
#include "tools/key_file.h"

namespace icws::tools {
namespace {

// 108 bytes with the terminating zero.
constexpr size_t kSocketPathMax = 107;

struct Flags {
  uint32_t index = 0;
  std::string state_directory, socket, adapter_socket, cluster, key, canisters;
  std::vector<std::string> proxies;
  EngineKind engine = EngineKind::Local;
  std::string abci_socket, node_rpc;
  uint64_t blocks_kept = 0;
  uint64_t snapshot_interval = kSnapshotIntervalDefault;
};

std::string read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// What the adapter would refuse every open for. The texts are not repeated: they may have a password.
void check_proxies(const std::vector<std::string>& proxies, std::vector<std::string>& faults) {
  if (proxies.size() > adapter::kRequestProxiesMax) {
    faults.push_back("--proxy: at most " + std::to_string(adapter::kRequestProxiesMax));
  }
  for (size_t i = 0; i < proxies.size(); ++i) {
    auto fault = adapter::proxy_fault(proxies[i]);
    if (proxies[i].size() > adapter::kRequestProxyBytesMax) {
      fault = "at most " + std::to_string(adapter::kRequestProxyBytesMax) + " bytes";
    }
    if (fault) faults.push_back("--proxy, number " + std::to_string(i + 1) + ": " + *fault);
  }
}

// Everything that is wrong with the flags' values and the files.
std::vector<std::string> resolve(const Flags& flags, ReplicaOptions& out) {
  std::vector<std::string> faults;
  if (flags.engine == EngineKind::CometBft && (flags.abci_socket.empty() || flags.node_rpc.empty())) {
    faults.emplace_back("--engine cometbft needs --abci-socket and --node-rpc");
  }
  for (const auto& path : {flags.socket, flags.adapter_socket, flags.abci_socket}) {
    if (auto fault = socket_path_fault(path); !fault.empty()) faults.push_back(std::move(fault));
  }
  check_proxies(flags.proxies, faults);
  if (auto canisters = make_canisters(flags.canisters); !canisters) faults.push_back(canisters.error());
  auto seed = read_key_file(flags.key);
  if (seed) {
    out.seed = *seed;
  } else {
    faults.push_back(seed.error());
  }
  auto cluster = parse_cluster(read_file(flags.cluster));
  if (!cluster) {
    for (const auto& fault : cluster.error()) faults.push_back(flags.cluster + ": " + fault);
    return faults;
  }
  out.cluster = std::move(*cluster);
  return faults;
}

}  // namespace

std::string socket_path_fault(const std::string& path) {
  if (path.size() <= kSocketPathMax) return {};
  return "the socket path " + path + " has " + std::to_string(path.size()) + " bytes, at most " +
         std::to_string(kSocketPathMax) + " are possible: choose a shorter directory";
}

std::expected<ReplicaOptions, int> parse_replica_options(std::vector<std::string> arguments) {
  CLI::App app("One replica: executes blocks, reports what its adapter saw, answers users.", "icws-replica");
  Flags flags;
  app.add_option("--index", flags.index, "this replica's place in the cluster file, from 0")->required();
  app.add_option("--state-dir", flags.state_directory, "where the state is kept (RocksDB); made if missing")
      ->required();
  app.add_option("--socket", flags.socket, "Unix socket to serve the orderer and users on")->required();
  app.add_option("--adapter-socket", flags.adapter_socket, "Unix socket of this replica's adapter")
      ->required();
  app.add_option(
      "--proxy", flags.proxies,
      "socks5h://HOST:PORT or http://HOST:PORT, which the adapter tries where a server cannot be reached "
      "directly and its egress policy allows the proxy; repeatable");
  app.add_option("--cluster", flags.cluster, "cluster file: chain id, public keys, parameters")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--key", flags.key, "private key file, mode 0600")->required();
  app.add_option("--canisters", flags.canisters, "canisters to install, comma separated: echo,feed,ticker");
  app.add_option("--engine", flags.engine, "who orders blocks: local (default) or cometbft")
      ->transform(CLI::CheckedTransformer(kEngineNames));
  app.add_option("--abci-socket", flags.abci_socket, "cometbft: Unix socket to serve the node on");
  app.add_option("--node-rpc", flags.node_rpc, "cometbft: host:port of the node's RPC, on this machine");
  app.add_option(
      "--blocks-kept", flags.blocks_kept,
      "cometbft: newest blocks that the node keeps (default: all); more where its newest snapshots "
      "need them");
  app.add_option("--snapshot-interval", flags.snapshot_interval,
                 "cometbft: blocks between two snapshots of the state, in STATE_DIR-snapshots, "
                 "with which replicas can begin in place of the first block; 0: none (default: " +
                     std::to_string(kSnapshotIntervalDefault) + ")");
  try {
    std::ranges::reverse(arguments);
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return std::unexpected(app.exit(error) == 0 ? kExitOk : kExitUsage);
  }
  ReplicaOptions out;
  out.self = ReplicaIndex(flags.index);
  out.key_file = flags.key;
  out.state_directory = flags.state_directory;
  out.socket = flags.socket;
  out.adapter_socket = flags.adapter_socket;
  out.proxies = flags.proxies;
  out.canisters = flags.canisters;
  out.engine = flags.engine;
  out.abci_socket = flags.abci_socket;
  out.node_rpc = flags.node_rpc;
  out.blocks_kept = flags.blocks_kept;
  out.snapshot_interval = flags.snapshot_interval;
  const auto faults = resolve(flags, out);
  for (const auto& fault : faults) std::cerr << "icws-replica: " << fault << "\n";
  if (!faults.empty()) return std::unexpected(kExitUsage);
  return out;
}

}  // namespace icws::tools
