// What a CometBFT v0.38 node reads: genesis, keys, configuration. Text only; tools write it where it belongs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/signature.h"
#include "base/time.h"
#include "engine/cometbft/frame_codec.h"
#include "replica/cluster_params.h"

namespace icws::engine {

// How long consensus waits. Rounds that fail lengthen the first three by themselves.
struct NodeTiming {
  // For a proposal: above what the largest block takes to arrive.
  Milliseconds propose{500};
  // For more votes once there are two thirds that do not agree.
  Milliseconds prevote{200};
  Milliseconds precommit{200};
  // For the last votes of a height once it is decided; not when all are there. A replica whose reports come
  // later than this never contributes: at least the spread of the round-trip times between machines.
  Milliseconds commit{100};
  // How often a node looks for something to send to a peer, and how long it collects small messages.
  Milliseconds gossip{5};
  Milliseconds flush{5};
};

struct NodeConfig {
  std::string moniker;
  // Of the replica, a Unix socket's path.
  std::string abci_socket;
  // host:port; the first for other nodes, the second for programs on this machine only.
  std::string p2p_listen;
  std::string rpc_listen;
  // host:port under which others reach it where that is not p2p_listen; may be empty.
  std::string p2p_external;
  // ID@host:port of the other nodes.
  std::vector<std::string> peers;
  // host:port for Prometheus; empty: off.
  std::string metrics_listen;
  NodeTiming timing;
  // Begin with a peer's snapshot in place of the first block.
  struct StateSync {
    // http://host:port of two nodes at least.
    std::vector<std::string> rpc_servers;
    // A block that its operator trusts, and its hash in hexadecimal.
    uint64_t trust_height = 0;
    std::string trust_hash;
  };
  std::optional<StateSync> state_sync;
};

// config/config.toml: what differs from CometBFT's defaults, with the reasons.
std::string format_node_config(const NodeConfig& config, const replica::ClusterParams& cluster);
// config/genesis.json: the same text on every machine. `time`: not in the future.
std::string format_genesis(const replica::ClusterParams& cluster, BlockTime time);
// config/priv_validator_key.json. `seed`: the replica's private key, 32 bytes.
std::string format_validator_key(BytesView seed);
// config/node_key.json. `seed`: 32 bytes of a key that only tells nodes apart.
std::string format_node_key(BytesView seed);
// data/priv_validator_state.json of a validator that has signed nothing yet.
std::string format_fresh_validator_state();
// What other nodes call it in their `peers`.
std::string node_id(BytesView public_key);

}  // namespace icws::engine
