#include "sim/world.h"

#include <algorithm>
#include <set>

#include "agreement/quorum.h"
#include "base/signature.h"
#include "replica/divergence.h"
#include "replica/invariants.h"
#include "sim/liveness.h"
#include "sim/node.h"
#include "sim/safety.h"

namespace icws::sim {
namespace {

// After the last fault: lost epochs end, feeds come back, and credits of what was missed run out.
constexpr Milliseconds kQuietAfter{2'500};
constexpr uint64_t kEchoes = 20;
// How long after a run's end everything must have come to rest: so long where limits are small.
constexpr Milliseconds kRest{40'000};

// A change of the replica set is active so many blocks after it was proposed.
constexpr uint64_t kChangeAhead = 20;
constexpr Milliseconds kChangePause{200};

// A member's key after so many rotations. Reports are signed with a keyed hash, but changes of the set for
// real.
SigningKey sim_key(uint32_t member, uint32_t rotation) {
  return SigningKey(Sha256().update_u64(member).update_u64(rotation).finish().view());
}

SigningKey present_key(const agreement::ReplicaKey& member) {
  for (uint32_t rotation = 0;; ++rotation) {
    SigningKey key = sim_key(member.index.value, rotation);
    if (key.public_key() == member.public_key) return key;
  }
}

// Timers scaled to runs of seconds; their order among each other is that of the defaults.
replica::ClusterParams sim_params(const Plan& plan) {
  replica::ClusterParams params;
  params.chain_id = "sim";
  for (uint32_t i = 0; i < plan.replicas; ++i) params.replica_keys.push_back(sim_key(i, 0).public_key());
  params.agreement.hold_back = Milliseconds(400);
  params.agreement.absorb = Milliseconds(2'000);
  params.agreement.drop_after = kDropAfter;
  params.agreement.stall = plan.stall;
  params.agreement.lost_grace = Milliseconds(1'000);
  params.agreement.write_timeout = Milliseconds(1'000);
  params.reconnect_first = plan.reconnect_first;
  if (plan.section_items > 0) params.agreement.section_items_max = plan.section_items;
  if (plan.inbox_bytes > 0) params.inbox_bytes_max = plan.inbox_bytes;
  if (plan.delivery_bytes > 0) params.delivery_bytes_per_block_max = plan.delivery_bytes;
  if (plan.block_content_bytes > 0) params.block_content_bytes_max = plan.block_content_bytes;
  if (plan.report_bytes > 0) params.report_bytes_max = plan.report_bytes;
  return params;
}

agreement::Mode mode_of(const ConnectionPlan& connection) {
  if (connection.kind == ServerKind::Values) return agreement::Mode::Observations;
  return connection.ordered() ? agreement::Mode::Ordered : agreement::Mode::Feed;
}

// Of docs/agreement.md, "Ordered": what a decision takes of a block's contents.
uint64_t contents_of(const agreement::Decision& decision) {
  constexpr uint64_t kContent = 16, kDigest = 32;
  uint64_t bytes = decision.ordered.digests.size() * kDigest;
  for (const auto* contents : {&decision.ordered.contents, &decision.feed.contents}) {
    for (const agreement::Observation& one : *contents)
      bytes += one.content.size() + one.key.size() + kContent;
  }
  return bytes + (decision.opened ? decision.opened->size() + kContent : 0);
}

// Messages that a canister has not got yet; other entries are bounded by the reserve.
uint64_t inbox_of(const replica::ConnectionSlot& slot) {
  constexpr uint64_t kEntry = 64;
  uint64_t bytes = 0;
  for (const replica::InboxEntry& one : slot.inbox) {
    if (const auto* message = std::get_if<transcript::Message>(&one.entry.what))
      bytes += message->content.size() + message->key.size() + kEntry;
  }
  return bytes;
}

class World {
 public:
  World(const Plan& plan, const Captures* captures);
  RunResult run();

 private:
  void add_nodes();
  void schedule_faults();
  void inject(const FaultPlan& fault);
  // Rotate or Leave: signed by a quorum, whoever is in it.
  void change_replicas(const FaultPlan& change);
  // An honest member that is up and at the chain's head; null: there is none.
  Node* informed() const;
  bool member(const Node& node) const { return members_.find(ReplicaIndex(node.index())) != nullptr; }
  void begin_quiet();
  void crash(uint32_t node, const FaultPlan& fault);
  void schedule_calls();
  void call(Milliseconds at, std::string method, std::string arguments);
  void round();
  // The nodes that hear each other and are a quorum; and those of another side, who are none.
  std::vector<Node*> deciding_side(std::vector<std::vector<Node*>>& others);
  std::optional<replica::Block> propose(const std::vector<Node*>& side);
  uint32_t votes(const std::vector<Node*>& side, const replica::Block& block, const Node& proposer);
  std::vector<replica::SignedReport> reports_for(uint32_t attempt);
  void collect_reports(const std::vector<Node*>& side, Height height);
  void execute(const std::vector<Node*>& side, const replica::Block& block);
  // Blocks, logs and inboxes stay within their limits.
  void check_bounds(const std::vector<Node*>& side, const replica::Block& block);
  // The state's own invariants, from block to block.
  void check_state(const replica::Replica& replica);
  void catch_up(Node& node);
  void restore(Node& node);
  void finish();

  const Plan plan_;
  const bool recorded_;
  const replica::ClusterParams params_;
  Prng prng_;
  Scheduler scheduler_;
  Servers servers_;
  Ledger ledger_;
  SafetyChecker safety_;
  LivenessChecker liveness_;
  std::vector<std::unique_ptr<Node>> nodes_;
  // At the next height.
  agreement::ReplicaSet members_;
  std::vector<replica::Block> blocks_;
  // Of the newest height, by member: one, or several of a liar.
  std::vector<std::vector<replica::SignedReport>> reports_;
  std::vector<replica::SignedReport> last_reports_;
  std::vector<Bytes> transactions_;
  uint64_t nonce_ = 0;
  std::vector<std::pair<SimTime, uint64_t>> partitions_, late_;
  SimTime last_fault_ends_{0};
  std::optional<replica::State> last_state_;
  RunResult result_;
};

World::World(const Plan& plan, const Captures* captures)
    : plan_(plan),
      recorded_(captures != nullptr),
      params_(sim_params(plan)),
      prng_(plan.seed),
      servers_(scheduler_, plan_, captures),
      ledger_(plan.replicas),
      safety_(plan.replicas, ledger_, servers_, plan_),
      liveness_(plan_, ledger_, safety_),
      members_(agreement::genesis_replicas(params_.replica_keys)) {}

void World::add_nodes() {
  std::vector<agreement::Mode> modes;
  for (const ConnectionPlan& connection : plan_.connections) modes.push_back(mode_of(connection));
  for (const FaultPlan& fault : plan_.faults) {
    if (fault.kind == FaultKind::Leave) ledger_.set_leaves(fault.member);
  }
  for (const FaultPlan& fault : plan_.faults) {
    if (fault.kind == FaultKind::DiskLoss) ledger_.set_faulty(fault.member);
  }
  const Node::World world{scheduler_, servers_, ledger_, params_, plan_.seed, plan_.planted};
  for (uint32_t i = 0; i < plan_.replicas; ++i) {
    std::unique_ptr<Liar> liar;
    const auto lies = std::ranges::find(plan_.liars, i, &LiarPlan::member);
    if (lies != plan_.liars.end()) {
      liar = std::make_unique<Liar>(*lies, plan_.seed, params_, modes, ledger_);
      ledger_.set_faulty(i);
    }
    nodes_.push_back(std::make_unique<Node>(i, world, std::move(liar)));
    nodes_.back()->start();
  }
}

void World::call(Milliseconds at, std::string method, std::string arguments) {
  scheduler_.after(at, [this, method = std::move(method), arguments = std::move(arguments)] {
    const replica::UserCall call{std::to_string(++nonce_), "sim", method, arguments};
    transactions_.push_back(replica::encode_user_call(call));
  });
}

void World::schedule_calls() {
  for (size_t i = 0; i < plan_.connections.size(); ++i) {
    const ConnectionPlan& connection = plan_.connections[i];
    constexpr const char* kModes[] = {"feed",    "feed",         "capture", "ordered",
                                      "ordered", "observations", "feed"};
    constexpr const char* kWriters[] = {"all", "some", "single"};
    // The synthetic feed that stands in for a recorded one has its own keys.
    const bool stands_in = connection.kind == ServerKind::Capture && !recorded_;
    const ServerKind kind = stands_in ? ServerKind::Feed : connection.kind;
    call(Milliseconds(100 + 50 * static_cast<int64_t>(i)), "open",
         Servers::url_of(i) + " " + kModes[static_cast<size_t>(kind)] +
             (connection.reconnect ? " 1 " : " 0 ") + kWriters[static_cast<size_t>(connection.writers)] +
             (connection.drop_oldest ? " 1 " : " 0 ") +
             std::to_string(agreement::Quorum(plan_.replicas).q()));
    if (connection.kind == ServerKind::Sequence || connection.kind == ServerKind::Values) continue;
    for (uint64_t number = 1; number <= kEchoes; ++number) {
      call(Milliseconds(300 + 150 * static_cast<int64_t>(number)), "send",
           std::to_string(i + 1) + " text" + std::to_string(number));
    }
  }
}

void World::crash(uint32_t node, const FaultPlan& fault) {
  ++result_.crashes;
  if (fault.kind == FaultKind::DiskLoss) {
    nodes_[node]->lose_disk();
  } else if (fault.phase == CrashPhase::Now || fault.kind == FaultKind::PowerLoss) {
    nodes_[node]->crash();
  } else {
    nodes_[node]->arm(fault.phase);
  }
  // Every other one. Nothing but the time that it takes tells it from a replay.
  const bool from_snapshot = fault.kind == FaultKind::DiskLoss && fault.at.count() % 2 == 0;
  scheduler_.after(fault.length, [this, node, from_snapshot] {
    nodes_[node]->disarm();
    if (nodes_[node]->up()) return;
    nodes_[node]->start();
    if (from_snapshot) restore(*nodes_[node]);
    catch_up(*nodes_[node]);
  });
}

void World::inject(const FaultPlan& fault) {
  switch (fault.kind) {
    case FaultKind::Outage:
      return servers_.outage(fault.length);
    case FaultKind::Cut:
      return servers_.cut(fault.member);
    case FaultKind::AdapterCrash:
      return nodes_[fault.member]->crash_adapter();
    case FaultKind::Pause:
      return nodes_[fault.member]->pause(fault.length);
    case FaultKind::Partition:
      return partitions_.emplace_back(scheduler_.now() + fault.length, fault.group), void();
    case FaultKind::Late:
      return late_.emplace_back(scheduler_.now() + fault.length, fault.group), void();
    case FaultKind::PowerLoss:
      for (uint32_t each = 0; each < nodes_.size(); ++each) crash(each, fault);
      return;
    case FaultKind::Crash:
    case FaultKind::DiskLoss:
      return crash(fault.member, fault);
    case FaultKind::Rotate:
    case FaultKind::Leave:
      return change_replicas(fault);
  }
}

Node* World::informed() const {
  for (const auto& node : nodes_) {
    if (node->honest() && node->up() && node->replica().info().height.value == blocks_.size())
      return node.get();
  }
  return nullptr;
}

void World::change_replicas(const FaultPlan& change) {
  Node* node = informed();
  const Height next(blocks_.size() + 1);
  if (node == nullptr || node->replica().newest_replicas().active_from >= next) {
    return scheduler_.after(kChangePause, [this, change] { change_replicas(change); });
  }
  const agreement::ReplicaSet& set = node->replica().newest_replicas();
  agreement::SignedSetChange out;
  out.change = {set.hash(), set.version + 1, next.next(kChangeAhead), {}};
  for (const agreement::ReplicaKey& member : set.members) {
    if (out.signatures.size() < set.quorum().q()) out.signatures.push_back({member.index, {}});
    if (member.index.value != change.member) {
      out.change.members.push_back(member);
    } else if (change.kind == FaultKind::Rotate) {
      uint32_t rotation = 0;
      while (sim_key(change.member, rotation).public_key() != member.public_key) ++rotation;
      out.change.members.push_back({member.index, sim_key(change.member, rotation + 1).public_key()});
    }
  }
  const Bytes message = agreement::set_change_sign_bytes(params_.chain_id, out.change);
  for (auto& signature : out.signatures)
    signature.signature = present_key(*set.find(signature.member)).sign(message);
  transactions_.push_back(replica::encode_set_change(out));
}

void World::begin_quiet() {
  Node* node = informed();
  if (node != nullptr && node->replica().newest_replicas().active_from.value <= blocks_.size())
    return liveness_.quiet();
  scheduler_.after(kChangePause + kQuietAfter, [this] { begin_quiet(); });
}

void World::schedule_faults() {
  for (const FaultPlan& fault : plan_.faults) {
    const bool change = fault.kind == FaultKind::Rotate || fault.kind == FaultKind::Leave;
    const Milliseconds length = change ? 2 * int64_t{kChangeAhead} * plan_.block_interval : fault.length;
    last_fault_ends_ = std::max(last_fault_ends_, fault.at + length);
    scheduler_.after(fault.at, [this, &fault] { inject(fault); });
  }
  scheduler_.after(last_fault_ends_ > SimTime(0) ? last_fault_ends_ + kQuietAfter : SimTime(0),
                   [this] { begin_quiet(); });
}

void World::restore(Node& node) {
  const auto peer = std::ranges::find_if(nodes_, [&](const auto& other) {
    return other.get() != &node && other->working() && other->replica().info().height > Height(0);
  });
  if (peer == nodes_.end()) return;
  const std::string fault = node.restore_from(**peer);
  if (!fault.empty()) safety_.violation("a snapshot was refused: " + fault);
}

void World::catch_up(Node& node) {
  while (node.up() && node.replica().info().height.value < blocks_.size()) {
    node.execute(blocks_[node.replica().info().height.value]);
  }
}

std::vector<Node*> World::deciding_side(std::vector<std::vector<Node*>>& others) {
  std::erase_if(partitions_, [&](const auto& partition) { return partition.first <= scheduler_.now(); });
  std::map<uint64_t, std::vector<Node*>> sides;
  for (const auto& node : nodes_) {
    if (!node->working() || !member(*node)) continue;
    uint64_t side = 0;
    for (const auto& [until, group] : partitions_) side = side << 1 | (group >> node->index() & 1);
    sides[side].push_back(node.get());
  }
  std::vector<Node*> out;
  for (auto& [side, members] : sides) {
    if (members_.quorum().is_quorum(static_cast<uint32_t>(members.size()))) {
      out = std::move(members);
    } else {
      others.push_back(std::move(members));
    }
  }
  return out;
}

std::vector<replica::SignedReport> World::reports_for(uint32_t attempt) {
  std::vector<replica::SignedReport> out;
  for (const auto& versions : reports_) {
    if (versions.empty()) continue;
    const replica::SignedReport& report = versions[attempt % versions.size()];
    out.push_back(report);
    // Some come twice, some proposers see both of a liar's.
    if (prng_.chance(1, 50)) out.push_back(versions[prng_.below(versions.size())]);
  }
  for (size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[prng_.below(i)]);
  return out;
}

uint32_t World::votes(const std::vector<Node*>& side, const replica::Block& block, const Node& proposer) {
  uint32_t accepted = 0;
  std::optional<bool> verdict;
  for (Node* node : side) {
    const Node::Verdict one = node->process(block, !proposer.honest());
    accepted += one.vote;
    if (verdict && *verdict != one.valid) safety_.violation("replicas disagree on whether a block is valid");
    verdict = one.valid;
  }
  if (proposer.honest() && verdict == false) {
    const auto rejections = side.front()->replica().metrics().rejections;
    safety_.violation("an honest proposal is refused: " + (rejections.empty() ? "" : rejections.front()));
  }
  return accepted;
}

std::optional<replica::Block> World::propose(const std::vector<Node*>& side) {
  const Height height(blocks_.size() + 1);
  replica::Block block{height, kRunBegins + scheduler_.now(), {}, transactions_};
  for (uint32_t attempt = 0; attempt < side.size(); ++attempt) {
    Node& proposer = *side[(height.value + attempt) % side.size()];
    block.payload = proposer.prepare({height, block.time, reports_for(attempt), block.transactions});
    if (members_.quorum().is_quorum(votes(side, block, proposer))) return block;
    ++result_.rejected_proposals;
  }
  return std::nullopt;
}

void World::collect_reports(const std::vector<Node*>& side, Height height) {
  std::erase_if(late_, [&](const auto& late) { return late.first <= scheduler_.now(); });
  reports_.clear();
  std::vector<replica::SignedReport> all;
  for (Node* node : side) {
    auto versions = node->vote(height, last_reports_);
    for (const replica::SignedReport& report : versions) {
      if (node->honest() && report.report.size() > params_.report_bytes_max)
        safety_.violation("a report of " + std::to_string(report.report.size()) + " bytes");
    }
    all.insert(all.end(), versions.begin(), versions.end());
    const bool late =
        std::ranges::any_of(late_, [&](const auto& one) { return (one.second >> node->index() & 1) != 0; });
    if (late || prng_.chance(plan_.report_loss, 1000)) continue;
    reports_.push_back(std::move(versions));
  }
  last_reports_ = std::move(all);
}

void World::execute(const std::vector<Node*>& side, const replica::Block& block) {
  std::map<uint32_t, Digest> hashes;
  for (Node* node : side) {
    if (!node->up()) continue;
    replica::Block given = block;
    if (plan_.planted == Planted::SkipOneBlock && node->index() == 1 && block.height.value == 40)
      given.payload.clear();
    try {
      if (const auto hash = node->execute(given)) hashes[node->index()] = *hash;
    } catch (const replica::StateDiverged& diverged) {
      safety_.violation("replica " + std::to_string(node->index()) + " stopped: " + diverged.what());
      node->stop();
    }
  }
  safety_.block(block.height, hashes);
  if (Node* node = informed()) members_ = node->replica().replicas_at(block.height.next());
}

void World::check_bounds(const std::vector<Node*>& side, const replica::Block& block) {
  const auto payload =
      agreement::decode_payload(block.payload, [&](ConnectionId id) -> std::optional<agreement::Mode> {
        if (id.value > plan_.connections.size()) return std::nullopt;
        return mode_of(plan_.connections[id.value - 1]);
      });
  uint64_t contents = 0;
  if (payload) {
    for (const agreement::CarriedDecision& one : payload->decisions) contents += contents_of(one.decision);
  }
  if (contents > params_.block_content_bytes_max)
    safety_.violation("a block of " + std::to_string(contents) + " bytes of contents");
  for (Node* node : side) {
    if (!node->honest() || !node->up()) continue;
    const std::string who = "replica " + std::to_string(node->index()) + ": ";
    for (const replica::ConnectionView& view : node->replica().connections()) {
      const uint64_t inbox = inbox_of(node->replica().state().connections.at(view.id));
      if (inbox > params_.inbox_bytes_max || view.inbox_bytes > params_.inbox_bytes_max)
        safety_.violation(who + "an inbox of " + std::to_string(inbox) + " bytes");
      // What an earlier socket brought stays beside what the newest one brings.
      if (view.unsettled > 2 * Adapter::kEventsMax)
        safety_.violation(who + "a log of " + std::to_string(view.unsettled) + " entries");
    }
  }
}

void World::check_state(const replica::Replica& replica) {
  const replica::State& state = replica.state();
  // Not after a block for which no honest member was up.
  if (last_state_ && last_state_->global.height.next() == state.global.height) {
    for (std::string& fault : replica::check_invariants(*last_state_, state, params_))
      safety_.violation(std::move(fault));
  }
  last_state_ = state;
}

void World::round() {
  for (const auto& node : nodes_) {
    if (node->working()) catch_up(*node);
  }
  std::vector<std::vector<Node*>> minorities;
  const std::vector<Node*> side = deciding_side(minorities);
  // A minority proposes and votes, and decides nothing; nothing of it may stay behind.
  for (const std::vector<Node*>& minority : minorities) propose(minority);
  if (!side.empty()) {
    if (auto block = propose(side)) {
      collect_reports(side, block->height);
      blocks_.push_back(*block);
      transactions_.clear();
      execute(side, *block);
      for (const auto& node : nodes_) {
        if (node->working() && !member(*node)) catch_up(*node);
      }
      check_bounds(side, *block);
      const auto honest =
          std::ranges::find_if(side, [](const Node* node) { return node->honest() && node->up(); });
      if (honest != side.end()) {
        safety_.entries((*honest)->replica(), scheduler_.now());
        check_state((*honest)->replica());
      }
    }
  }
  scheduler_.after(plan_.block_interval, [this] { round(); });
}

void World::finish() {
  std::vector<std::string> missing;
  for (SimTime end = plan_.duration; end <= plan_.duration + kRest; end += Milliseconds(500)) {
    scheduler_.run(end);
    missing = liveness_.missing(nodes_, blocks_.size(), kEchoes, servers_, end);
    if (missing.empty()) break;
  }
  safety_.finish();
  for (std::string& one : missing) safety_.violation(std::move(one));
  for (const auto& node : nodes_) {
    if (!node->honest() || !node->up()) continue;
    const replica::ReplicaMetrics metrics = node->replica().metrics();
    if (metrics.traps > 0) safety_.violation("the canister trapped: " + std::to_string(metrics.traps));
    if (node->holes() > 0)
      safety_.violation("replica " + std::to_string(node->index()) + " numbered sends with a hole");
  }
  // Who lost its disk does not know what it has sent, and sends none of it twice.
  for (const Servers::SendFault& fault : servers_.send_faults()) {
    if (!ledger_.faulty(fault.member)) safety_.violation(fault.what);
  }
}

RunResult World::run() {
  try {
    add_nodes();
    schedule_calls();
    schedule_faults();
    scheduler_.after(plan_.block_interval, [this] { round(); });
    scheduler_.run(plan_.duration);
    finish();
  } catch (const std::exception& error) {
    safety_.violation(std::string("an exception: ") + error.what());
  }
  result_.violations = safety_.violations();
  result_.digest = safety_.run_digest();
  result_.blocks = blocks_.size();
  result_.messages = safety_.messages();
  result_.gaps = safety_.gaps();
  result_.closes = safety_.closes();
  return result_;
}

}  // namespace

RunResult run(const Plan& plan, const Captures* captures) { return World(plan, captures).run(); }

}  // namespace icws::sim
