// The commands of icws-setup: the files of a subnet over several machines.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/cometbft/node_files.h"

namespace icws::tools {

struct HomeArguments {
  std::filesystem::path home;
  std::filesystem::path cluster;
  std::filesystem::path genesis;
  std::filesystem::path key;
  std::filesystem::path node_key;
  engine::NodeConfig config;
  // host:port of the RPC of nodes with whose subnet's state this one shall begin; none, or two at least.
  std::vector<std::string> state_sync_from;
};

// Each prints its result on stdout, and gives the exit status. Errors: std::runtime_error with a sentence.

// A fresh key file; prints the public key in hexadecimal.
int setup_key(const std::filesystem::path& file);
// Prints the id under which a node with this key is a peer.
int setup_node_id(const std::filesystem::path& key_file);
// Prints the cluster file of these public keys, in this order.
int setup_cluster(const std::string& chain_id, const std::vector<std::string>& keys);
// Prints the genesis file. Its time is now: make it once and copy it.
int setup_genesis(const std::filesystem::path& cluster);
// Completes a node's home directory; what the node has written there stays. Where it is to begin with a
// snapshot, asks those nodes for a block that it may trust: all of them must name the same one.
int setup_home(const HomeArguments& arguments);
// Another key for a node to vote with, once the replica set has it; prints its public key.
int setup_validator_key(const std::filesystem::path& home, const std::filesystem::path& key_file);

}  // namespace icws::tools
