#include "sim/plan.h"

#include <algorithm>
#include <set>

#include "agreement/quorum.h"
#include "base/prng.h"

namespace icws::sim {
namespace {

// Faults begin so long before a run's end, and last so long at most: what follows must come to rest.
constexpr uint64_t kFaultsBefore = 4'500;
constexpr uint64_t kFaultShortest = 100;
constexpr uint64_t kFaultLongest = 1'600;
// Those that come in any mixture; changes of the replica set are chosen apart.
constexpr uint8_t kWildFaults = static_cast<uint8_t>(FaultKind::Rotate);

// Mostly the smallest subnet: what goes wrong at all goes wrong there.
uint32_t choose_replicas(Prng& prng) {
  const uint64_t what = prng.below(500);
  if (what == 0) return 40;
  if (what < 4) return 13;
  return what < 28 ? 7 : 4;
}

// Small limits, but for recorded messages, some of which are large.
void choose_limits(Plan& plan, Prng& prng) {
  const bool recorded = std::ranges::find(plan.connections, ServerKind::Capture, &ConnectionPlan::kind) !=
                        plan.connections.end();
  if (prng.chance(1, 4)) plan.section_items = static_cast<uint32_t>(6 + prng.below(18));
  if (prng.chance(1, 5) && !recorded) {
    plan.inbox_bytes = static_cast<uint32_t>(16'500 + prng.below(3'000));
    plan.delivery_bytes = static_cast<uint32_t>(60 + prng.below(400));
    plan.connections[0].drop_oldest = prng.chance(1, 2);
  }
  if (prng.chance(1, 5) && !recorded) plan.block_content_bytes = static_cast<uint32_t>(400 + prng.below(800));
  if (prng.chance(1, 6)) plan.report_bytes = static_cast<uint32_t>(1'200 + prng.below(3'000));
}

ConnectionPlan choose_connection(ServerKind kind, const Plan& plan, const Options& options, Prng& prng) {
  ConnectionPlan out;
  out.kind = kind;
  out.reconnect = !out.ordered() || prng.chance(1, 3);
  if (options.losses && out.feed()) out.loss = prng.chance(1, 2) ? static_cast<uint32_t>(prng.below(12)) : 0;
  out.gap = static_cast<uint32_t>(25 + prng.below(40));
  out.keys = static_cast<uint32_t>(1 + prng.below(5));
  out.spread = static_cast<uint32_t>(prng.chance(1, 5) ? 200 : 10 + prng.below(60));
  if (prng.chance(1, 4)) out.padding = static_cast<uint32_t>(prng.below(100));
  if (prng.chance(1, 4)) out.burst = static_cast<uint32_t>(1 + prng.below(12));
  if (options.losses && prng.chance(1, 6)) out.lag = static_cast<uint32_t>(prng.below(300));
  if (kind == ServerKind::Sequence && options.losses && prng.chance(1, 6)) {
    out.lied_to = static_cast<uint32_t>(1 + prng.below(plan.replicas));
  }
  if (kind == ServerKind::Sequence) out.mute = prng.chance(1, 24);
  return out;
}

void choose_connections(Plan& plan, const Options& options, Prng& prng) {
  constexpr ServerKind kFeeds[] = {ServerKind::Feed, ServerKind::Feed, ServerKind::Jitter,
                                   ServerKind::Capture};
  plan.connections.push_back(choose_connection(kFeeds[prng.below(4)], plan, options, prng));
  plan.connections.push_back(choose_connection(ServerKind::Sequence, plan, options, prng));
  plan.connections.push_back(choose_connection(ServerKind::Echo, plan, options, prng));
  if (prng.chance(1, 3))
    plan.connections.push_back(choose_connection(ServerKind::Values, plan, options, prng));
  if (prng.chance(1, 2)) {
    ConnectionPlan orders = choose_connection(ServerKind::Orders, plan, options, prng);
    orders.writers = prng.chance(1, 2) ? WritersPlan::Some : WritersPlan::Single;
    plan.connections.push_back(orders);
  }
}

void choose_liars(Plan& plan, Prng& prng) {
  std::vector<uint32_t> members(plan.replicas);
  for (uint32_t i = 0; i < plan.replicas; ++i) members[i] = i;
  const uint64_t count = prng.below(agreement::Quorum(plan.replicas).f() + 1);
  for (uint64_t i = 0; i < count || (i == 0 && prng.chance(3, 4)); ++i) {
    if (agreement::Quorum(plan.replicas).f() == i) break;
    LiarPlan liar;
    std::swap(members[i], members[i + prng.below(members.size() - i)]);
    liar.member = members[i];
    liar.colludes = prng.chance(1, 2);
    for (uint64_t left = 1 + prng.below(3); left > 0; --left) {
      const auto strategy = static_cast<Strategy>(prng.below(kStrategies));
      if (std::ranges::find(liar.strategies, strategy) == liar.strategies.end())
        liar.strategies.push_back(strategy);
    }
    plan.liars.push_back(std::move(liar));
  }
}

void choose_faults(Plan& plan, Prng& prng) {
  const uint64_t span = static_cast<uint64_t>(plan.duration.count()) - kFaultsBefore;
  const uint32_t faulty_max = agreement::Quorum(plan.replicas).f();
  for (uint64_t i = prng.below(5); i > 0; --i) {
    FaultPlan fault;
    fault.kind = static_cast<FaultKind>(prng.below(kWildFaults));
    fault.member = static_cast<uint32_t>(prng.below(plan.replicas));
    fault.at = Milliseconds(static_cast<int64_t>(500 + prng.below(span - 500)));
    fault.length =
        Milliseconds(static_cast<int64_t>(kFaultShortest + prng.below(kFaultLongest - kFaultShortest)));
    fault.phase = static_cast<CrashPhase>(prng.below(4));
    for (uint64_t left = 1 + prng.below(plan.replicas / 2 + 1); left > 0; --left) {
      fault.group |= uint64_t{1} << prng.below(plan.replicas);
    }
    // Who loses what it had settled may report it again: that is a fault like a lie, of which f are borne.
    if (fault.kind == FaultKind::DiskLoss && plan.liars.size() >= faulty_max) fault.kind = FaultKind::Crash;
    if (fault.kind == FaultKind::DiskLoss) {
      const auto other = std::ranges::find(plan.faults, FaultKind::DiskLoss, &FaultPlan::kind);
      if (other != plan.faults.end()) fault.member = other->member;
    }
    plan.faults.push_back(fault);
  }
}

// Who leaves is silent in the epochs that go on, like one that has failed: with the liars there are at most f
// of these. But where all are honest, so many may leave that epochs must end.
void choose_changes(Plan& plan, Prng& prng) {
  if (!prng.chance(1, 4)) return;
  const uint64_t span = static_cast<uint64_t>(plan.duration.count()) - kFaultsBefore;
  std::set<uint32_t> faulty, left;
  for (const LiarPlan& liar : plan.liars) faulty.insert(liar.member);
  for (const FaultPlan& fault : plan.faults) {
    if (fault.kind == FaultKind::DiskLoss) faulty.insert(fault.member);
  }
  const uint32_t faulty_max = agreement::Quorum(plan.replicas).f();
  const uint32_t leave_max = faulty.empty() && prng.chance(1, 4) ? faulty_max + 1 : faulty_max;
  for (uint64_t i = 1 + prng.below(3); i > 0; --i) {
    FaultPlan change;
    change.at = Milliseconds(static_cast<int64_t>(500 + prng.below(span - 500)));
    change.member = static_cast<uint32_t>(prng.below(plan.replicas));
    std::set<uint32_t> without = faulty;
    without.insert(change.member);
    const bool may_leave = without.size() <= leave_max && left.size() + 1 < plan.replicas;
    change.kind = may_leave && prng.chance(1, 2) ? FaultKind::Leave : FaultKind::Rotate;
    if (change.kind == FaultKind::Leave) faulty.insert(change.member), left.insert(change.member);
    plan.faults.push_back(change);
  }
}

}  // namespace

bool Plan::may_give_up() const {
  const bool lags = std::ranges::any_of(connections, [](const ConnectionPlan& connection) {
    return connection.feed() && (connection.lag > 0 || connection.spread > 100 || connection.loss > 0);
  });
  return (section_items > 0 || report_bytes > 0) && (!liars.empty() || !faults.empty() || lags);
}

Plan make_plan(const Options& options) {
  Prng prng(options.seed);
  Plan plan;
  plan.seed = options.seed;
  plan.planted = options.planted;
  plan.replicas = choose_replicas(prng);
  plan.replicas = options.replicas.value_or(plan.replicas);
  plan.duration = options.duration.value_or(Milliseconds(static_cast<int64_t>(6'500 + prng.below(2'000))));
  // A subnet of forty takes forty times forty reports a block.
  plan.block_interval = Milliseconds(plan.replicas > 13 ? 150 : static_cast<int64_t>(40 + prng.below(40)));
  plan.report_loss = options.losses && prng.chance(3, 4) ? static_cast<uint32_t>(prng.below(60)) : 0;
  choose_connections(plan, options, prng);
  choose_limits(plan, prng);
  if (options.liars) choose_liars(plan, prng);
  if (options.faults) choose_faults(plan, prng);
  if (options.faults) choose_changes(plan, prng);
  return plan;
}

}  // namespace icws::sim
