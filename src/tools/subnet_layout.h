// Where a development subnet keeps its files, below one directory. icws-subnet writes them, icwsctl and tests
// read.
#pragma once

#include <filesystem>
#include <string>

namespace icws::tools {

struct SubnetLayout {
  std::filesystem::path directory;

  static constexpr const char* kReplicaPrefix = "replica-";
  std::filesystem::path cluster_file() const { return directory / "cluster.json"; }
  std::filesystem::path block_log() const { return directory / "blocks.log"; }
  // {"subnet": pid, "replicas": [pid, ...], "adapters": [pid, ...], "nodes": [pid, ...]}; 0: not running.
  // Nodes under CometBFT only.
  std::filesystem::path pids_file() const { return directory / "pids.json"; }
  // The same of a replica that joined by itself, with one of each.
  std::filesystem::path pids_file(size_t i) const { return replica(i) / "pids.json"; }
  // Mode 0700, as the adapter demands of its socket's directory.
  std::filesystem::path replica(size_t i) const { return directory / (kReplicaPrefix + std::to_string(i)); }
  std::filesystem::path key_file(size_t i) const { return replica(i) / "key"; }
  std::filesystem::path state(size_t i) const { return replica(i) / "state"; }
  std::filesystem::path replica_socket(size_t i) const { return replica(i) / "replica.sock"; }
  std::filesystem::path adapter_socket(size_t i) const { return replica(i) / "adapter.sock"; }
  std::filesystem::path replica_log(size_t i) const { return replica(i) / "replica.log"; }
  std::filesystem::path adapter_log(size_t i) const { return replica(i) / "adapter.log"; }
  // CometBFT only: the node's home, its log, the key that tells it apart, and where its replica listens for
  // it.
  std::filesystem::path node(size_t i) const { return replica(i) / "node"; }
  std::filesystem::path node_log(size_t i) const { return replica(i) / "node.log"; }
  std::filesystem::path node_key_file(size_t i) const { return replica(i) / "node-key"; }
  std::filesystem::path abci_socket(size_t i) const { return replica(i) / "abci.sock"; }
};

}  // namespace icws::tools
