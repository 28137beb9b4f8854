#include "tests/bench_comet/kvstore.h"

#include <openssl/evp.h>

#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "engine/cometbft/node_client.h"
#include "engine/cometbft/node_files.h"
#include "tests/support/child_process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/waiting.h"
#include "tools/comet_home.h"

namespace icws::bench {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kNodes = 4;
// max_request_batch_size of CometBFT.
constexpr size_t kBatch = 10;
constexpr Milliseconds kTimeout{10'000};

std::string address(size_t node, int port) {
  return "127.77.77." + std::to_string(node + 1) + ":" + std::to_string(port);
}

std::string base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const auto* from = reinterpret_cast<const unsigned char*>(text.data());
  out.resize(static_cast<size_t>(
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), from, static_cast<int>(text.size()))));
  return out;
}

// The store takes KEY=VALUE, each key anew.
std::string transaction(size_t number, size_t bytes) {
  std::string out = std::to_string(1'000'000'000 + number) + "=";
  out.resize(bytes, 'v');
  return out;
}

class Nodes {
 public:
  explicit Nodes(const std::filesystem::path& cometbft) {
    replica::ClusterParams cluster;
    cluster.chain_id = "kvstore";
    std::vector<Bytes> seeds;
    for (size_t i = 0; i < kNodes; ++i) {
      seeds.emplace_back(32, static_cast<char>('a' + i));
      cluster.replica_keys.push_back(SigningKey(seeds[i]).public_key());
    }
    const auto now = BlockTime(
        std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch()));
    const std::string genesis = engine::format_genesis(cluster, now);
    for (size_t i = 0; i < kNodes; ++i) {
      engine::NodeConfig config;
      config.moniker = "kvstore-" + std::to_string(i);
      config.p2p_listen = address(i, 26656);
      config.rpc_listen = address(i, 26657);
      for (size_t j = 0; j < kNodes; ++j) {
        if (j != i)
          config.peers.push_back(engine::node_id(cluster.replica_keys[j]) + "@" + address(j, 26656));
      }
      const auto home = directory_ / std::to_string(i);
      tools::write_comet_home(home,
                              {engine::format_node_config(config, cluster), genesis, seeds[i], seeds[i]});
      support::ChildOptions options;
      options.program = cometbft;
      options.arguments = {"start",   "--home",      home.string(), "--proxy_app",
                           "kvstore", "--log_level", "error"};
      processes_.push_back(std::make_unique<support::ChildProcess>(options));
    }
  }

  // What the application of this node has executed.
  static size_t size(engine::NodeClient& node) {
    const auto info = node.call("abci_info", {}, kTimeout);
    if (!info) return 0;
    const auto& response = info->at("response").as_object();
    if (!response.contains("data")) return 0;
    return json::parse(response.at("data").as_string()).at("size").to_number<size_t>();
  }
  static bool makes_blocks(engine::NodeClient& node) {
    const auto status = node.call("status", {}, kTimeout);
    return status && status->at("sync_info").at("latest_block_height").as_string() > "2";
  }

 private:
  support::TemporaryDirectory directory_;
  std::vector<std::unique_ptr<support::ChildProcess>> processes_;
};

// Hands in every `kNodes`-th batch; one that the mempool has no room for comes again.
void feed(size_t node, size_t count, size_t bytes) {
  engine::NodeClient client(address(node, 26657));
  for (size_t from = node * kBatch; from < count; from += kNodes * kBatch) {
    std::vector<size_t> left;
    for (size_t i = from; i < std::min(count, from + kBatch); ++i) left.push_back(i);
    while (!left.empty()) {
      json::array batch;
      for (const size_t number : left) {
        batch.push_back({{"jsonrpc", "2.0"},
                         {"id", static_cast<int64_t>(number)},
                         {"method", "broadcast_tx_sync"},
                         {"params", {{"tx", base64(transaction(number, bytes))}}}});
      }
      const auto answer = client.post(json::serialize(batch), kTimeout);
      if (!answer) continue;
      std::vector<size_t> again;
      const auto parsed = json::parse(*answer);
      const auto look = [&](const json::value& one) {
        if (one.as_object().contains("error") &&
            json::serialize(one.at("error")).find("mempool is full") != std::string::npos) {
          again.push_back(one.at("id").to_number<size_t>());
        }
      };
      if (parsed.is_array()) {
        for (const auto& one : parsed.get_array()) look(one);
      } else {
        look(parsed);
      }
      left = std::move(again);
    }
  }
}

}  // namespace

double kvstore_rate(const std::filesystem::path& cometbft, size_t count, size_t bytes) {
  const Nodes nodes(cometbft);
  std::vector<std::unique_ptr<engine::NodeClient>> clients;
  for (size_t i = 0; i < kNodes; ++i)
    clients.push_back(std::make_unique<engine::NodeClient>(address(i, 26657)));
  for (auto& client : clients) {
    if (!support::poll([&] { return Nodes::makes_blocks(*client); })) {
      throw std::runtime_error("the key-value store did not come up");
    }
  }
  const auto begin = Clock::now();
  {
    std::vector<std::jthread> feeders;
    for (size_t i = 0; i < kNodes; ++i) feeders.emplace_back([=] { feed(i, count, bytes); });
  }
  for (auto& client : clients) {
    if (!support::poll([&] { return Nodes::size(*client) >= count; })) {
      throw std::runtime_error("the key-value store did not execute everything");
    }
  }
  return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace icws::bench
