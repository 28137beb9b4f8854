#include <atomic>
#include <thread>

#include "engine/local/grpc_replica_link.h"
#include "engine/local/orderer.h"
#include "replica/batches.h"
#include "replica/canister.h"
#include "replica/membership.h"
#include "tools/subnet_engine.h"

namespace icws::tools {
namespace {

BlockTime wall_clock() {
  return BlockTime(
      std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch()));
}

std::string standing_name(engine::Standing standing) {
  switch (standing) {
    case engine::Standing::Lost:
      return "lost";
    case engine::Standing::Live:
      return "live";
    case engine::Standing::Follows:
      return "follows";
    case engine::Standing::ShutOut:
      return "SHUT OUT";
  }
  return "?";
}

// The orderer, on a thread of this process.
class LocalSubnetEngine final : public SubnetEngine {
 public:
  // The log is locked: a second subnet on this directory ends here.
  explicit LocalSubnetEngine(const SubnetParts& parts)
      : parts_(parts), log_(parts.subnet.layout.block_log(), parts.subnet.cluster.chain_id) {}

  void start(const std::vector<size_t>&) override {
    std::vector<std::unique_ptr<engine::ReplicaLink>> links;
    for (size_t i = 0; i < parts_.options.replicas; ++i) {
      links.push_back(engine::make_grpc_replica_link(parts_.subnet.layout.replica_socket(i).string(),
                                                     parts_.subnet.cluster.chain_id));
    }
    engine::OrdererConfig config;
    config.block_interval = parts_.options.block_interval;
    engine::Orderer::Hooks hooks;
    hooks.clock = wall_clock;
    hooks.transaction_ok = [bytes_max = parts_.subnet.cluster.transaction_bytes_max](BytesView transaction) {
      return transaction.size() <= bytes_max && (replica::decode_user_call(transaction).has_value() ||
                                                 replica::decode_batch_transaction(transaction).has_value() ||
                                                 replica::decode_set_change(transaction).has_value());
    };
    hooks.notice = [this](const std::string& line) { parts_.notices.put(line); };
    orderer_ = std::make_unique<engine::Orderer>(config, log_, std::move(links), std::move(hooks));
    thread_ = std::jthread([this](std::stop_token stop) {
      try {
        orderer_->run(stop);
      } catch (const std::exception& error) {
        parts_.notices.put(std::string("the orderer failed: ") + error.what());
        failed_ = true;
      }
    });
  }

  EnginePanel panel(const std::vector<ReplicaPanel>&) const override {
    const engine::OrdererStatus status = orderer_->status();
    EnginePanel out;
    out.height = status.height;
    out.up = status.height > Height(0) && status.app_hash != Digest();
    out.detail = "failed rounds " + std::to_string(status.rounds_failed);
    for (const auto& [kind, count] : status.rejections) out.refused += count;
    for (const auto standing : status.replicas) {
      out.standings.push_back(standing_name(standing));
      out.live += standing == engine::Standing::Live ? 1 : 0;
    }
    return out;
  }

  bool failed() const override { return failed_; }
  void stop() override { thread_ = {}; }
  pid_t node_pid(size_t) const override { return 0; }

 private:
  const SubnetParts parts_;
  engine::BlockLog log_;
  std::unique_ptr<engine::Orderer> orderer_;
  std::atomic<bool> failed_{false};
  std::jthread thread_;
};

}  // namespace

std::unique_ptr<SubnetEngine> make_local_engine(const SubnetParts& parts) {
  return std::make_unique<LocalSubnetEngine>(parts);
}

}  // namespace icws::tools
