// A CometBFT node's home directory, and the program that runs on it.
#pragma once

#include <filesystem>
#include <string>

#include "base/bytes.h"

namespace icws::tools {

struct CometHome {
  // config/config.toml, written anew each time.
  std::string config;
  // config/genesis.json, written once.
  std::string genesis;
  // Of the replica's key, with which the node votes.
  Bytes seed;
  // Of the key that tells nodes apart.
  Bytes node_seed;
};

// Completes `home`; what a node has written there stays, above all what it has signed. Throws
// std::runtime_error.
void write_comet_home(const std::filesystem::path& home, const CometHome& files);

// Another key for the node to vote with, from its next start on. What it has signed stays. Throws
// std::runtime_error if there is no home.
void replace_validator_key(const std::filesystem::path& home, const Bytes& seed);

// The 32 bytes of a key file. Throws std::runtime_error.
Bytes read_seed(const std::filesystem::path& key_file);

// `named`, else the one beside this program, else the one in PATH. Throws std::runtime_error that says how to
// get one.
std::filesystem::path find_cometbft(const std::filesystem::path& named);

}  // namespace icws::tools
