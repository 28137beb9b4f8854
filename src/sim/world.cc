#include "sim/world.h"

#include <algorithm>
#include <set>

#include "agreement/quorum.h"
#include "replica/divergence.h"
#include "sim/checker.h"
#include "sim/node.h"

namespace icws::sim {
namespace {

// At a run's end the feed is silent, so that everything can be agreed on.
constexpr Milliseconds kDrain{1'500};
// Faults begin so long before a run's end.
constexpr Milliseconds kFaultsBefore{4'500};
constexpr Milliseconds kFaultLongest{1'600};
// After the last fault: lost epochs end, feeds come back, and credits of what was missed run out.
constexpr Milliseconds kQuietAfter{2'500};
constexpr uint64_t kEchoes = 20;

// Timers scaled to runs of seconds; their order among each other is that of the defaults.
replica::ClusterParams sim_params(uint32_t replicas) {
  replica::ClusterParams params;
  params.chain_id = "sim";
  params.replica_keys.assign(replicas, Bytes(32, 'k'));
  params.agreement.hold_back = Milliseconds(400);
  params.agreement.absorb = Milliseconds(2'000);
  params.agreement.drop_after = Milliseconds(2'000);
  params.agreement.stall = Milliseconds(5'000);
  params.agreement.lost_grace = Milliseconds(1'000);
  params.agreement.write_timeout = Milliseconds(1'000);
  params.reconnect_first = Milliseconds(300);
  return params;
}

class World {
 public:
  explicit World(const Options& options);
  RunResult run();

 private:
  Checker::Truth truth() const;
  void choose_faults();
  void crash(uint32_t node, Milliseconds length);
  void round();
  std::optional<replica::Block> propose();
  void execute(const replica::Block& block);
  void collect_reports(Height height);
  void catch_up(Node& node, size_t blocks);
  void call(Milliseconds at, std::string method, std::string arguments);
  void note_quiet();
  void final_checks();

  const Options options_;
  Prng prng_;
  Scheduler scheduler_;
  Server server_;
  Byzantine byzantine_;
  std::vector<std::unique_ptr<Node>> nodes_;
  agreement::Quorum quorum_;
  Checker checker_;
  std::vector<replica::Block> blocks_;
  std::vector<replica::SignedReport> reports_;
  std::vector<Bytes> transactions_;
  uint64_t nonce_ = 0;
  bool adapters_died_ = false;
  SimTime last_fault_ends_{0};
  // What honest replicas had seen when the last fault was over.
  std::set<std::string> seen_before_quiet_;
  RunResult result_;
};

Server::Traits traits(const Options& options) {
  Server::Traits out;
  out.loss_per_mille = options.message_loss;
  out.stop_after = options.duration - kDrain;
  return out;
}

World::World(const Options& options)
    : options_(options),
      prng_(options.seed),
      server_(scheduler_, prng_, traits(options)),
      byzantine_(options.byzantine),
      quorum_(options.replicas),
      checker_(options.replicas, truth()) {
  if (options.byzantine_from_seed) byzantine_ = static_cast<Byzantine>(prng_.below(7));
  for (uint32_t i = 0; i < options.replicas; ++i) {
    const Byzantine strategy = i == 0 ? byzantine_ : Byzantine::None;
    nodes_.push_back(std::make_unique<Node>(i, sim_params(options.replicas), scheduler_, server_, prng_,
                                            strategy, options.planted));
    nodes_.back()->start();
  }
}

Checker::Truth World::truth() const {
  Checker::Truth out;
  out.seen = [this](const std::string& text) {
    return static_cast<uint32_t>(std::ranges::count_if(
        nodes_, [&](const auto& node) { return node->honest() && node->has_seen(text); }));
  };
  out.lacks = [this](const std::string& earlier, const std::string& later) {
    return std::ranges::any_of(nodes_, [&](const auto& node) {
      return node->honest() && node->has_seen(later) && !node->has_seen(earlier);
    });
  };
  return out;
}

void World::call(Milliseconds at, std::string method, std::string arguments) {
  scheduler_.after(at, [this, method = std::move(method), arguments = std::move(arguments)] {
    const replica::UserCall call{std::to_string(++nonce_), "sim", method, arguments};
    transactions_.push_back(replica::encode_user_call(call));
  });
}

void World::crash(uint32_t node, Milliseconds length) {
  ++result_.crashes;
  nodes_[node]->crash();
  scheduler_.after(length, [this, node] {
    if (nodes_[node]->up()) return;
    nodes_[node]->start();
    catch_up(*nodes_[node], blocks_.size());
  });
}

void World::choose_faults() {
  const auto span = static_cast<uint64_t>((options_.duration - kFaultsBefore - Milliseconds(500)).count());
  for (uint64_t i = prng_.below(4); i > 0; --i) {
    const auto node = static_cast<uint32_t>(prng_.below(nodes_.size()));
    const uint64_t what = prng_.below(5);
    const Milliseconds length(
        static_cast<int64_t>(100 + prng_.below(static_cast<uint64_t>(kFaultLongest.count()) - 100)));
    const Milliseconds at(static_cast<int64_t>(500 + prng_.below(span)));
    last_fault_ends_ = std::max(last_fault_ends_, at + length);
    adapters_died_ |= what == 1;
    scheduler_.after(at, [this, node, what, length] {
      if (what == 0) return server_.outage(length);
      if (what == 1) return nodes_[node]->crash_adapter();
      if (what == 2) return nodes_[node]->pause(length);
      if (what == 3) {
        // The whole subnet loses power at once.
        for (uint32_t each = 0; each < nodes_.size(); ++each) crash(each, length);
        return;
      }
      crash(node, length);
    });
  }
}

void World::note_quiet() {
  for (const auto& node : nodes_) {
    if (node->honest()) seen_before_quiet_.merge(node->all_seen());
  }
  checker_.quiet();
}

void World::catch_up(Node& node, size_t blocks) {
  while (node.replica().info().height.value < blocks) {
    node.execute(blocks_[node.replica().info().height.value]);
  }
}

std::optional<replica::Block> World::propose() {
  const Height height(blocks_.size() + 1);
  replica::Block block{height, kRunBegins + scheduler_.now(), {}, transactions_};
  for (uint32_t attempt = 0; attempt < nodes_.size(); ++attempt) {
    Node& proposer = *nodes_[(height.value + attempt) % nodes_.size()];
    if (!proposer.working(scheduler_.now())) continue;
    block.payload = proposer.prepare({height, block.time, reports_, block.transactions});
    uint32_t accepted = 0;
    for (const auto& node : nodes_) {
      if (node->working(scheduler_.now())) accepted += node->replica().process_proposal(block).has_value();
    }
    if (quorum_.is_quorum(accepted)) return block;
    ++result_.rejected_proposals;
  }
  return std::nullopt;
}

void World::collect_reports(Height height) {
  reports_.clear();
  for (const auto& node : nodes_) {
    if (!node->working(scheduler_.now())) continue;
    auto report = node->vote(height);
    if (!report || prng_.chance(options_.report_loss, 1000)) continue;
    // Some come twice, and all in any order.
    if (prng_.chance(1, 50)) reports_.push_back(*report);
    reports_.push_back(std::move(*report));
  }
  for (size_t i = reports_.size(); i > 1; --i) std::swap(reports_[i - 1], reports_[prng_.below(i)]);
}

void World::execute(const replica::Block& block) {
  std::map<uint32_t, Digest> hashes;
  for (const auto& node : nodes_) {
    if (!node->working(scheduler_.now())) continue;
    const bool skip =
        options_.planted == Planted::SkipOneBlock && node->index() == 1 && block.height.value == 40;
    if (skip) {
      replica::Block other = block;
      other.payload.clear();
      hashes[node->index()] = node->execute(other);
      continue;
    }
    try {
      hashes[node->index()] = node->execute(block);
    } catch (const replica::StateDiverged& diverged) {
      checker_.diverged(node->index(), diverged.what());
      // For good: it takes no further part.
      node->pause(options_.duration);
    }
  }
  checker_.block(block.height, hashes);
}

void World::round() {
  const SimTime now = scheduler_.now();
  for (const auto& node : nodes_) {
    if (node->working(now)) catch_up(*node, blocks_.size());
  }
  const auto working = static_cast<uint32_t>(
      std::ranges::count_if(nodes_, [&](const auto& node) { return node->working(now); }));
  if (quorum_.is_quorum(working)) {
    if (auto block = propose()) {
      collect_reports(block->height);
      blocks_.push_back(*block);
      transactions_.clear();
      execute(*block);
      const auto honest = std::ranges::find_if(
          nodes_, [&](const auto& node) { return node->honest() && node->working(now); });
      if (honest != nodes_.end()) checker_.entries((*honest)->replica());
    }
  }
  scheduler_.after(options_.block_interval, [this] { round(); });
}

void World::final_checks() {
  std::set<std::string> everywhere;
  bool first = true;
  for (const auto& node : nodes_) {
    if (!node->honest()) continue;
    checker_.trapped(node->replica().metrics().traps);
    checker_.holes(node->index(), node->holes());
    std::set<std::string> seen = node->all_seen();
    if (first) everywhere = seen;
    std::erase_if(everywhere, [&](const std::string& text) {
      return !text.starts_with("{") || !seen.contains(text) || seen_before_quiet_.contains(text);
    });
    if (first && !adapters_died_) checker_.ordered_complete(node->replica().connections(), kEchoes);
    first = false;
  }
  checker_.everything_agreed(everywhere);
  checker_.values_read(options_.duration);
  for (uint64_t i = 0; i < kEchoes; ++i) {
    for (const std::string& order : {"single" + std::to_string(i), "some" + std::to_string(i)}) {
      const auto copies = server_.orders().find(order);
      const uint32_t written = copies == server_.orders().end() ? 0 : copies->second;
      checker_.order_written(order, written);
      result_.orders += 1;
      result_.order_copies += written;
    }
  }
}

RunResult World::run() {
  call(Milliseconds(100), "open", "ws://feed/ feed 1");
  call(Milliseconds(150), "open", "ws://sequence/ ordered 0");
  call(Milliseconds(200), "open", "ws://echo/ ordered 0");
  call(Milliseconds(250), "open", "ws://values/ observations 1 " + std::to_string(quorum_.q()));
  call(Milliseconds(260), "open", "ws://orders/ feed 1 single");
  call(Milliseconds(300), "open", "ws://orders/ feed 1 some");
  for (uint64_t i = 0; i < kEchoes; ++i) {
    const Milliseconds at(400 + 150 * static_cast<int64_t>(i));
    call(at, "send", "3 " + Checker::echo_text(i));
    // To the feed as well, which does not answer.
    call(at + Milliseconds(50), "send", "1 order" + std::to_string(i));
    call(at + Milliseconds(60), "send", "5 single" + std::to_string(i));
    call(at + Milliseconds(70), "send", "6 some" + std::to_string(i));
  }
  if (options_.crashes) choose_faults();
  scheduler_.after(last_fault_ends_ > SimTime(0) ? last_fault_ends_ + kQuietAfter : SimTime(0),
                   [this] { note_quiet(); });
  scheduler_.after(options_.block_interval, [this] { round(); });
  scheduler_.run(options_.duration);
  final_checks();
  result_.violations = checker_.violations();
  result_.digest = checker_.run_digest();
  result_.blocks = blocks_.size();
  result_.messages = checker_.messages();
  result_.byzantine = byzantine_;
  return result_;
}

}  // namespace

RunResult run(const Options& options) { return World(options).run(); }

}  // namespace icws::sim
