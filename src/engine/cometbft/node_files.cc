#include "engine/cometbft/node_files.h"

#include <openssl/evp.h>

#include <algorithm>
#include <boost/json.hpp>
#include <sstream>

#include "engine/cometbft/ingress.h"
#include "engine/cometbft/validator_set.h"

namespace icws::engine {
namespace {

namespace json = boost::json;

std::string base64(BytesView bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

std::string upper_hex(BytesView bytes) {
  std::string out = to_hex(bytes);
  std::ranges::transform(out, out.begin(), [](char c) { return 'a' <= c && c <= 'f' ? c - 'a' + 'A' : c; });
  return out;
}

json::object public_key_object(BytesView key) {
  return {{"type", "tendermint/PubKeyEd25519"}, {"value", base64(key)}};
}

// Go's form of a private key: seed and public key.
json::object private_key_object(BytesView seed, BytesView public_key) {
  return {{"type", "tendermint/PrivKeyEd25519"}, {"value", base64(Bytes(seed) + Bytes(public_key))}};
}

std::string text_of(const json::value& value) { return json::serialize(value) + "\n"; }

// RFC 3339, in UTC.
std::string format_time(BlockTime time) {
  const auto since = time.time_since_epoch();
  const std::chrono::sys_time<Milliseconds> point(since);
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(point - day);
  std::ostringstream out;
  const auto two = [](auto value) {
    const auto number = static_cast<long long>(value);
    return std::string(number < 10 ? "0" : "") + std::to_string(number);
  };
  const auto milliseconds = std::to_string(1'000 + clock.subseconds().count()).substr(1);
  out << static_cast<int>(date.year()) << '-' << two(static_cast<unsigned>(date.month())) << '-'
      << two(static_cast<unsigned>(date.day())) << 'T' << two(clock.hours().count()) << ':'
      << two(clock.minutes().count()) << ':' << two(clock.seconds().count()) << '.' << milliseconds << 'Z';
  return out.str();
}

std::string quoted(std::string_view text) { return json::serialize(json::string(text)); }

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

std::string quoted_ms(Milliseconds time) { return "\"" + std::to_string(time.count()) + "ms\""; }

std::string format_state_sync(const NodeConfig::StateSync& sync) {
  std::ostringstream out;
  out << "\n[statesync]\nenable = true\n"
      << "rpc_servers = " << quoted(joined(sync.rpc_servers)) << "\n"
      << "trust_height = " << sync.trust_height << "\n"
      << "trust_hash = " << quoted(sync.trust_hash) << "\n"
      << "trust_period = \"168h0m0s\"\n"
      << "discovery_time = \"5s\"\n";
  return out.str();
}

}  // namespace

std::string format_node_config(const NodeConfig& config, const replica::ClusterParams& cluster) {
  std::ostringstream out;
  out << "# Made by icws-subnet; what is not here has CometBFT's default.\n"
      << "moniker = " << quoted(config.moniker) << "\n"
      << "proxy_app = " << quoted("unix://" + config.abci_socket) << "\n"
      << "abci = \"socket\"\n"
      << "log_level = \"info\"\n"
      << "\n[rpc]\n"
      << "laddr = " << quoted("tcp://" + config.rpc_listen) << "\n"
      << "# A transaction in base64, with what frames it.\n"
      << "max_body_bytes = " << 2 * uint64_t{cluster.transaction_bytes_max} + 65'536 << "\n"
      << "pprof_laddr = \"\"\n"
      << "\n[p2p]\n"
      << "laddr = " << quoted("tcp://" + config.p2p_listen) << "\n"
      << "external_address = " << quoted(config.p2p_external) << "\n"
      << "persistent_peers = " << quoted(joined(config.peers)) << "\n"
      << "# The peers above are all there are: no discovery, and they may share a machine.\n"
      << "pex = false\n"
      << "addr_book_strict = false\n"
      << "allow_duplicate_ip = true\n"
      << "flush_throttle_timeout = " << quoted_ms(config.timing.flush) << "\n"
      << "# 40 reports of 32 KiB five times a second are more than the default of 5 MB/s.\n"
      << "send_rate = 20480000\nrecv_rate = 20480000\n"
      << "max_packet_msg_payload_size = 16384\n"
      << "\n[mempool]\n"
      << "type = \"flood\"\n"
      << "max_tx_bytes = " << cluster.transaction_bytes_max + kIngressOverheadBytes << "\n"
      << "# What waits is bounded on each replica; this is for all of them.\n"
      << "size = 4096\nmax_txs_bytes = 67108864\n"
      << "\n[consensus]\n"
      << "timeout_propose = " << quoted_ms(config.timing.propose) << "\n"
      << "timeout_prevote = " << quoted_ms(config.timing.prevote) << "\n"
      << "timeout_precommit = " << quoted_ms(config.timing.precommit) << "\n"
      << "timeout_commit = " << quoted_ms(config.timing.commit) << "\n"
      << "skip_timeout_commit = true\n"
      << "# Reports travel on blocks only, so blocks never pause.\n"
      << "create_empty_blocks = true\n"
      << "peer_gossip_sleep_duration = " << quoted_ms(config.timing.gossip) << "\n"
      << "\n[storage]\n"
      << "# The results of old blocks: replicas keep what users may ask for.\n"
      << "discard_abci_responses = true\n"
      << "\n[tx_index]\nindexer = \"null\"\n"
      << "\n[instrumentation]\n"
      << "prometheus = " << (config.metrics_listen.empty() ? "false" : "true") << "\n"
      << "prometheus_listen_addr = " << quoted(config.metrics_listen) << "\n";
  if (config.state_sync) out << format_state_sync(*config.state_sync);
  return out.str();
}

std::string format_genesis(const replica::ClusterParams& cluster, BlockTime time) {
  json::object params;
  params["block"] = {{"max_bytes", std::to_string(kBlockBytesMax)}, {"max_gas", "-1"}};
  params["evidence"] = {
      {"max_age_num_blocks", "100000"}, {"max_age_duration", "172800000000000"}, {"max_bytes", "1048576"}};
  params["validator"] = {{"pub_key_types", json::array{"ed25519"}}};
  params["version"] = {{"app", "0"}};
  params["abci"] = {{"vote_extensions_enable_height", "1"}};
  json::array validators;
  for (size_t i = 0; i < cluster.replica_keys.size(); ++i) {
    const Bytes& key = cluster.replica_keys[i];
    validators.push_back(json::object{{"address", upper_hex(validator_address(key))},
                                      {"pub_key", public_key_object(key)},
                                      {"power", std::to_string(kVotingPower)},
                                      {"name", "replica-" + std::to_string(i)}});
  }
  json::object root;
  root["genesis_time"] = format_time(time);
  root["chain_id"] = cluster.chain_id;
  root["initial_height"] = "1";
  root["consensus_params"] = std::move(params);
  root["validators"] = std::move(validators);
  root["app_hash"] = "";
  return text_of(root);
}

std::string format_validator_key(BytesView seed) {
  const SigningKey key(seed);
  json::object root;
  root["address"] = upper_hex(validator_address(key.public_key()));
  root["pub_key"] = public_key_object(key.public_key());
  root["priv_key"] = private_key_object(seed, key.public_key());
  return text_of(root);
}

std::string format_node_key(BytesView seed) {
  const SigningKey key(seed);
  json::object root;
  root["priv_key"] = private_key_object(seed, key.public_key());
  return text_of(root);
}

std::string format_fresh_validator_state() {
  return text_of(json::object{{"height", "0"}, {"round", 0}, {"step", 0}});
}

std::string node_id(BytesView public_key) { return to_hex(validator_address(public_key)); }

}  // namespace icws::engine
