// The command line of icws-replica.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "base/ids.h"
#include "replica/cluster_params.h"
#include "tools/engine_kind.h"

namespace icws::tools {

// Blocks between two snapshots: minutes of blocks that a replica which begins with one still has to execute.
inline constexpr uint64_t kSnapshotIntervalDefault = 1'000;

struct ReplicaOptions {
  ReplicaIndex self;
  std::filesystem::path state_directory;
  std::string socket;
  std::string adapter_socket;
  // Sent to the adapter with every open (OpenRequest.proxies).
  std::vector<std::string> proxies;
  replica::ClusterParams cluster;
  // Of the private key, and its file.
  Bytes seed;
  std::filesystem::path key_file;
  std::string canisters;
  EngineKind engine = EngineKind::Local;
  // CometBFT only: the socket for the node, and host:port of the node's RPC.
  std::string abci_socket;
  std::string node_rpc;
  // CometBFT only: how many of the newest blocks the node keeps; 0: all.
  uint64_t blocks_kept = 0;
  // CometBFT only: blocks between two snapshots of the state; 0: none.
  uint64_t snapshot_interval = kSnapshotIntervalDefault;
};

// Parses the flags and reads the files that they name. On --help or a fault it prints (to stdout or stderr;
// all faults at once) and gives the exit status.
std::expected<ReplicaOptions, int> parse_replica_options(std::vector<std::string> arguments);

// A Unix socket's path must fit in sockaddr_un. Empty: it does; else what is wrong.
std::string socket_path_fault(const std::string& path);

}  // namespace icws::tools
