// Four replicas on storage in memory, and as many connections as a benchmark asks for.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "replica/replica.h"
#include "tests/unit/replica/test_adapter.h"

namespace icws::replica {

using Clock = std::chrono::steady_clock;

inline constexpr size_t kReplicas = 4;
inline constexpr size_t kBlocks = 50;
inline constexpr size_t kWarmUp = 20;

class AnySignature final : public ReportVerifier {
 public:
  bool verify(const SignedReport&, const Bytes&) const override { return true; }
  bool verify_batch(const agreement::ReplicaKey&, BytesView, BytesView) const override { return true; }
};

// Counts what blocks write.
class CountingStorage final : public Storage {
 public:
  std::optional<Bytes> get(BytesView key) const override { return inner_.get(key); }
  void scan(BytesView prefix, BytesView from,
            const std::function<bool(BytesView, BytesView)>& visit) const override {
    inner_.scan(prefix, from, visit);
  }
  void apply(const WriteBatch& batch) override {
    for (const auto& [key, value] : batch.writes) bytes += key.size() + (value ? value->size() : 0);
    inner_.apply(batch);
  }
  uint64_t bytes = 0;

 private:
  MemoryStorage inner_;
};

// Opens as many connections as its argument has bytes.
class Opener final : public Canister {
 public:
  explicit Opener(Mode mode) : mode_(mode) {}
  Bytes call(CanisterContext& context, std::string_view, BytesView arguments) override {
    OpenArguments open;
    open.url = "wss://stream.example.com/market/data?symbols=BTC-USD,ETH-USD,SOL-USD";
    open.mode = mode_;
    open.script.push_back({MessageKind::Text, Bytes(500, 's')});
    for (size_t i = 0; i < arguments.size(); ++i) {
      if (!context.ws_open(open)) throw std::runtime_error("no more connections");
    }
    return {};
  }
  void ws_opened(CanisterContext&, const OpenedCall&) override {}
  void ws_data(CanisterContext&, const DataCall&) override {}
  void ws_closed(CanisterContext&, const ClosedCall&) override {}
  Bytes query(std::string_view, BytesView) const override { return {}; }
  Bytes save() const override { return "opener"; }
  void load(BytesView) override {}

 private:
  const Mode mode_;
};

struct Cost {
  double finalize_us = 0;
  double commit_us = 0;
  double written_bytes = 0;
};

class Subnet {
 public:
  // `message`: what servers say, beside a number.
  explicit Subnet(Mode mode, Bytes message = "message of the stream ") : message_(std::move(message)) {
    params_.chain_id = "bench";
    params_.replica_keys.assign(kReplicas, Bytes(32, 'k'));
    params_.connections_per_canister_max = params_.connections_max;
    for (uint32_t i = 0; i < kReplicas; ++i) {
      nodes_[i].replica = std::make_unique<Replica>(Replica::Config{params_, ReplicaIndex(i)}, verifier_,
                                                    nodes_[i].storage, canisters(mode));
      nodes_[i].adapter.attach([this, i](AdapterEvent event) {
        nodes_[i].replica->on_adapter_event(std::move(event), LocalTime(now_));
        flush(nodes_[i]);
      });
    }
  }

  const ClusterParams& params() const { return params_; }
  const Storage& storage() const { return nodes_[0].storage; }
  ApplicationInfo info() const { return nodes_[0].replica->info(); }
  const ReportVerifier& verifier() const { return verifier_; }
  static CanisterSet canisters(Mode mode) {
    CanisterSet out;
    out.canisters.push_back({"opener", std::make_unique<Opener>(mode)});
    return out;
  }

  void open(size_t connections) {
    while (opened_ < connections) {
      const size_t more = std::min<size_t>(connections - opened_, 300);
      block({encode_user_call({std::to_string(opened_), "opener", "open", Bytes(more, '.')})});
      block();
      for (size_t i = 0; i < more; ++i) each(ConnectionId(++opened_), SocketOpened{});
      while (nodes_[0].replica->connections().back().state != "open") block();
    }
    for (int i = 0; i < 30; ++i) block();
  }

  // kBlocks blocks, but for the first ones; in each, so many connections have a message.
  Cost run(size_t talking, size_t blocks = kBlocks) {
    for (size_t i = 0; i < kWarmUp + blocks; ++i) {
      if (i == kWarmUp) {
        cost_ = {};
        nodes_[0].storage.bytes = 0;
      }
      for (size_t k = 0; k < std::min(talking, opened_); ++k) {
        each(ConnectionId(1 + (i * talking + k) % opened_),
             SocketMessage{MessageKind::Text, message_ + std::to_string(i)});
      }
      block();
    }
    const auto mean = [&](double sum) { return sum / static_cast<double>(blocks); };
    return {mean(cost_.finalize_us), mean(cost_.commit_us),
            mean(static_cast<double>(nodes_[0].storage.bytes))};
  }

 private:
  struct Node {
    CountingStorage storage;
    TestAdapter adapter;
    std::unique_ptr<Replica> replica;
  };

  static void flush(Node& node) {
    for (const AdapterCommand& command : node.replica->take_commands()) node.adapter.perform(command);
    // The record of every command is for tests.
    node.adapter.commands.clear();
  }

  template <class What>
  void each(ConnectionId id, const What& what) {
    for (Node& node : nodes_) node.adapter.add(node.adapter.newest(id), what);
  }

  static double us_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
  }

  void block(std::vector<Bytes> transactions = {}) {
    now_ += Milliseconds(50);
    height_ = height_.next();
    Block block{height_, BlockTime(Milliseconds(1'700'000'000'000) + now_), {}, std::move(transactions)};
    block.payload = nodes_[height_.value % kReplicas].replica->prepare_proposal(
        {height_, block.time, reports_, block.transactions});
    reports_.clear();
    for (uint32_t i = 0; i < kReplicas; ++i) {
      reports_.push_back({ReplicaIndex(i), height_, nodes_[i].replica->extend_vote(height_, LocalTime(now_)),
                          Bytes(64, 's')});
    }
    for (Node& node : nodes_) {
      const auto start = Clock::now();
      node.replica->finalize_block(block);
      const auto middle = Clock::now();
      node.replica->commit(LocalTime(now_));
      if (&node == &nodes_[0]) {
        cost_.commit_us += us_since(middle);
        cost_.finalize_us += std::chrono::duration<double, std::micro>(middle - start).count();
      }
      flush(node);
    }
  }

  const Bytes message_;
  ClusterParams params_;
  AnySignature verifier_;
  std::array<Node, kReplicas> nodes_;
  std::vector<SignedReport> reports_;
  Height height_;
  Milliseconds now_{1'000};
  size_t opened_ = 0;
  Cost cost_;
};

}  // namespace icws::replica
