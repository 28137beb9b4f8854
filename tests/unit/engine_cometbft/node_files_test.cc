#include "engine/cometbft/node_files.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace icws::engine {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace json = boost::json;

replica::ClusterParams cluster() {
  replica::ClusterParams out;
  out.chain_id = "chain-1";
  out.replica_keys = {SigningKey(Bytes(32, 'a')).public_key(), SigningKey(Bytes(32, 'b')).public_key()};
  return out;
}

TEST(NodeFiles, GenesisNamesTheReplicasAndTurnsReportsOn) {
  const auto root = json::parse(format_genesis(cluster(), BlockTime(Milliseconds(1'700'000'000'123))));
  EXPECT_EQ(root.at("genesis_time"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(root.at("chain_id"), "chain-1");
  EXPECT_EQ(root.at("consensus_params").at("abci").at("vote_extensions_enable_height"), "1");
  ASSERT_EQ(root.at("validators").as_array().size(), 2u);
  const auto& first = root.at("validators").at(0);
  EXPECT_EQ(first.at("power"), "10");
  EXPECT_EQ(first.at("address").as_string().size(), 40u);
}

TEST(NodeFiles, KeysAreInGosForm) {
  const Bytes seed(32, 'a');
  const auto root = json::parse(format_validator_key(seed));
  // 64 bytes: seed and public key.
  EXPECT_EQ(root.at("priv_key").at("value").as_string().size(), 88u);
  EXPECT_EQ(root.at("priv_key").at("type"), "tendermint/PrivKeyEd25519");
  EXPECT_EQ(json::parse(format_node_key(seed)).at("priv_key"), root.at("priv_key"));
  EXPECT_EQ(node_id(SigningKey(seed).public_key()).size(), 40u);
}

TEST(NodeFiles, ConfigurationLetsAMaximumTransactionThrough) {
  NodeConfig config;
  config.moniker = "replica \"0\"";
  config.abci_socket = "/run/icws/abci.sock";
  config.p2p_listen = "127.1.2.3:26656";
  config.rpc_listen = "127.1.2.3:26657";
  config.peers = {"a@127.1.2.4:26656", "b@127.1.2.5:26656"};
  const std::string text = format_node_config(config, cluster());
  EXPECT_THAT(text, HasSubstr("moniker = \"replica \\\"0\\\"\""));
  EXPECT_THAT(text, HasSubstr("proxy_app = \"unix:///run/icws/abci.sock\""));
  EXPECT_THAT(text, HasSubstr("persistent_peers = \"a@127.1.2.4:26656,b@127.1.2.5:26656\""));
  EXPECT_THAT(text, HasSubstr("max_tx_bytes = " + std::to_string(1024 * 1024 + 96)));
  EXPECT_THAT(text, HasSubstr("prometheus = false"));
  EXPECT_THAT(text, Not(HasSubstr("[statesync]")));
}

TEST(NodeFiles, StateSyncIsOnWhereAsked) {
  NodeConfig config;
  config.state_sync = NodeConfig::StateSync{{"http://a:1", "http://b:2"}, 42, "AB"};
  const std::string text = format_node_config(config, cluster());
  EXPECT_THAT(text, HasSubstr("rpc_servers = \"http://a:1,http://b:2\""));
  EXPECT_THAT(text, HasSubstr("trust_height = 42"));
}

}  // namespace
}  // namespace icws::engine
