#include <CLI/CLI.hpp>
#include <iostream>

#include "tools/exit_status.h"
#include "tools/setup_commands.h"

namespace {

constexpr const char* kFooter =
    "Statuses: 0 ok, 2 wrong usage, 4 failure. How the files go together: docs/deploy.md.";

// The options of `home`.
void add_home(CLI::App& command, icws::tools::HomeArguments& out, uint32_t& commit_ms) {
  auto& config = out.config;
  command.add_option("--home", out.home, "the node's directory; made if missing")->required();
  command.add_option("--cluster", out.cluster, "the cluster file")->required()->check(CLI::ExistingFile);
  command.add_option("--genesis", out.genesis, "the genesis file")->required()->check(CLI::ExistingFile);
  command.add_option("--key", out.key, "the replica's key file")->required()->check(CLI::ExistingFile);
  command.add_option("--node-key", out.node_key, "the node's key file")->required()->check(CLI::ExistingFile);
  command.add_option("--moniker", config.moniker, "a name for logs")->required();
  command.add_option("--abci-socket", config.abci_socket, "the replica's --abci-socket")->required();
  command.add_option("--p2p", config.p2p_listen, "host:port to listen on for other nodes")->required();
  command.add_option("--p2p-external", config.p2p_external, "host:port under which others reach it");
  command.add_option("--rpc", config.rpc_listen, "host:port of its RPC, for this machine only")
      ->capture_default_str();
  command.add_option("--peer", config.peers, "ID@host:port of another node; repeatable");
  command.add_option("--metrics", config.metrics_listen, "host:port for Prometheus (default: off)");
  command.add_option(
      "--state-sync-from", out.state_sync_from,
      "host:port of a running node's RPC: begin with a snapshot of its subnet's state in place of "
      "the first block; two at least, all of which are trusted to name the same chain");
  command
      .add_option(
          "--timeout-commit", commit_ms,
          "milliseconds to wait for the last votes of a height: at least the spread of round-trip times")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace icws::tools;
  CLI::App app("Makes keys, cluster file, genesis and a node's configuration.", "icws-setup");
  app.footer(kFooter);
  app.require_subcommand(1);

  std::string file;
  auto* key = app.add_subcommand("key", "a fresh key file; prints its public key");
  key->add_option("file", file, "must not exist")->required();
  auto* id = app.add_subcommand("node-id", "the peer id of a node with this key");
  id->add_option("file", file, "key file of the node")->required()->check(CLI::ExistingFile);

  std::string chain_id;
  std::vector<std::string> keys;
  auto* cluster = app.add_subcommand("cluster", "prints the cluster file");
  cluster->add_option("--chain-id", chain_id, "1 to 50 printable characters")->required();
  cluster->add_option("keys", keys, "public keys, in the order of the replicas")->required();

  auto* genesis = app.add_subcommand("genesis", "prints the genesis file: make it once, copy it everywhere");
  genesis->add_option("--cluster", file, "the cluster file")->required()->check(CLI::ExistingFile);

  HomeArguments arguments;
  arguments.config.rpc_listen = "127.0.0.1:26657";
  auto commit_ms = static_cast<uint32_t>(arguments.config.timing.commit.count());
  auto* home = app.add_subcommand("home", "completes a node's home directory");
  add_home(*home, arguments, commit_ms);

  std::string node_home;
  auto* validator_key = app.add_subcommand(
      "validator-key", "gives a node the replica's new key to vote with (docs/replicas.md)");
  validator_key->add_option("--home", node_home, "the node's directory")
      ->required()
      ->check(CLI::ExistingDirectory);
  validator_key->add_option("--key", file, "the replica's new key file")
      ->required()
      ->check(CLI::ExistingFile);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  arguments.config.timing.commit = icws::Milliseconds(commit_ms);
  try {
    if (*key) return setup_key(file);
    if (*id) return setup_node_id(file);
    if (*cluster) return setup_cluster(chain_id, keys);
    if (*genesis) return setup_genesis(file);
    if (*validator_key) return setup_validator_key(node_home, file);
    return setup_home(arguments);
  } catch (const std::exception& error) {
    std::cerr << "icws-setup: " << error.what() << "\n";
    return kExitFailure;
  }
}
