#include "engine/cometbft/mempool_feeder.h"

#include <algorithm>

#include "engine/cometbft/ingress.h"

namespace icws::engine {
namespace {

// How long a new call waits at most for the look at the old ones.
constexpr Milliseconds kLook{200};

}  // namespace

MempoolFeeder::MempoolFeeder(MempoolFeederConfig config, ReplicaHost& host,
                             std::function<void(const std::string& line)> notice)
    : config_(std::move(config)),
      host_(host),
      notice_(std::move(notice)),
      thread_([this](std::stop_token stop) { run(stop); }) {}

Bytes MempoolFeeder::envelope(Height height, Height expiry, Bytes transaction) const {
  const auto sign = [&](BytesView message) { return host_.sign(height.next(), message); };
  return encode_ingress(sign, config_.chain_id, config_.self, expiry, std::move(transaction));
}

void MempoolFeeder::hand_batches(NodeClient& node, Height height) {
  std::map<Bytes, Height> still;
  for (Bytes& batch : host_.batches()) {
    const auto before = batches_.find(batch);
    if (before != batches_.end() && height.value < before->second.value + config_.again_after_blocks) {
      still.insert(*before);
      continue;
    }
    const Height expiry = height.next(config_.lifetime_blocks);
    const auto outcome = node.broadcast(envelope(height, expiry, batch), config_.call_timeout);
    // Not handed over: the next look tries again.
    if (!outcome || *outcome == NodeClient::Broadcast::Full) break;
    still.emplace(std::move(batch), height);
  }
  batches_ = std::move(still);
}

void MempoolFeeder::run(std::stop_token stop) {
  NodeClient node(config_.node);
  std::map<uint64_t, Handed> handed;
  uint64_t next_arrival = 0;
  bool reached = true;
  bool member = true;
  while (!stop.stop_requested() && !host_.stopping()) {
    // While the node is away, or this replica no member, calls wait, and no arrival wakes anybody.
    host_.submissions().wait_for_arrival(reached && member ? next_arrival : UINT64_MAX, kLook);
    const Height height = host_.wait_for_commit(Height(0), Milliseconds(0));
    const Bytes key = host_.own_key(height.next());
    member = !key.empty();
    if (!member) continue;
    hand_batches(node, height);
    const auto pending = host_.submissions().pending(0);
    std::map<uint64_t, Handed> still;
    for (const auto& call : pending) {
      if (const auto before = handed.find(call.arrival); before != handed.end()) still.insert(*before);
    }
    for (const auto& call : pending) {
      Handed& one = still[call.arrival];
      next_arrival = std::max(next_arrival, call.arrival + 1);
      const bool fresh = one.expiry <= height || one.key != key;
      if (!fresh && height.value < one.last.value + config_.again_after_blocks) continue;
      if (fresh) one = {height.next(config_.lifetime_blocks), height, key};
      const auto outcome =
          node.broadcast(envelope(height, one.expiry, call.transaction), config_.call_timeout);
      if (outcome.has_value() != reached) {
        reached = outcome.has_value();
        notice_(reached ? "the node takes calls again" : "the node takes no calls: " + outcome.error());
      }
      // Not handed over: the next look tries again.
      if (!outcome || *outcome == NodeClient::Broadcast::Full) {
        one.expiry = Height(0);
        break;
      }
      one.last = height;
    }
    handed = std::move(still);
  }
}

}  // namespace icws::engine
