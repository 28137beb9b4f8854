#include "sim/plan.h"

#include <algorithm>
#include <set>

#include "agreement/quorum.h"
#include "base/prng.h"
#include "sim/canister.h"

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
  if (prng.chance(1, 5) && !recorded) {
    const bool large = plan.connections[1].large_every > 0;
    plan.block_content_bytes = static_cast<uint32_t>((large ? 2'200 : 400) + prng.below(800));
  }
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
  if (kind == ServerKind::Sequence && prng.chance(1, 24)) out.shut_out = plan.replicas;
  if (kind == ServerKind::Sequence && prng.chance(1, 6))
    out.large_every = static_cast<uint32_t>(5 + prng.below(40));
  if (kind == ServerKind::Values && prng.chance(1, 2)) {
    out.pause_at = Milliseconds(static_cast<int64_t>(500 + prng.below(1'000)));
    out.pause_for = kValueAgeMax + Milliseconds(static_cast<int64_t>(500 + prng.below(1'500)));
  }
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

FaultPlan fault_at(FaultKind kind, int64_t at, int64_t length, uint32_t member = 0) {
  FaultPlan out;
  out.kind = kind;
  out.at = Milliseconds(at);
  out.length = Milliseconds(length);
  out.member = member;
  return out;
}

// What any mixture of all that seldom makes: one of these, in a run where little else happens.
void choose_situation(Plan& plan, Prng& prng) {
  const Plan mixed = plan;
  const agreement::Quorum quorum(plan.replicas);
  const auto below = [&](uint64_t bound) { return static_cast<uint32_t>(prng.below(bound)); };
  const auto any_member = [&] { return below(plan.replicas); };
  ConnectionPlan& feed = plan.connections[0];
  ConnectionPlan& sequence = plan.connections[1];
  const auto alone = [&] {
    plan.faults.clear();
    plan.liars.clear();
    plan.section_items = plan.report_bytes = plan.block_content_bytes = 0;
    plan.inbox_bytes = plan.delivery_bytes = 0;
    for (ConnectionPlan& connection : plan.connections) connection.lied_to = connection.shut_out = 0;
  };
  const auto slow_canister = [&] {
    plan.inbox_bytes = 16'500 + below(500);
    plan.delivery_bytes = 60 + below(40);
    feed.kind = ServerKind::Feed;
    feed.drop_oldest = false;
  };
  const auto liar = [&](std::vector<Strategy> strategies) {
    if (quorum.f() > 0) plan.liars.push_back({any_member(), std::move(strategies), false});
  };
  alone();
  switch (prng.below(10)) {
    case 0:
      // An ordered connection whose canister has no room for a large message for a long time.
      slow_canister();
      plan.stall = Milliseconds(1'500);
      sequence.large_every = 12 + below(20);
      break;
    case 1:
      // A feed whose servers fail while the inbox is full.
      slow_canister();
      feed.padding = 200 + below(200);
      plan.faults.push_back(fault_at(FaultKind::Outage, 1'500 + below(1'500), 1'200 + below(1'000)));
      break;
    case 2:
      // Servers that differ, for as many as no quorum can bear.
      sequence.lied_to = quorum.f() + 1 + below(plan.replicas - quorum.f());
      plan.liars = mixed.liars;
      break;
    case 3: {
      // Writers that are not there.
      ConnectionPlan orders = feed;
      orders.kind = ServerKind::Orders;
      orders.writers = prng.chance(1, 2) ? WritersPlan::Some : WritersPlan::Single;
      plan.connections.push_back(orders);
      if (prng.chance(1, 2)) liar({Strategy::Silent});
      for (uint32_t i = 1 + below(3); i > 0; --i)
        plan.faults.push_back(fault_at(prng.chance(1, 2) ? FaultKind::Cut : FaultKind::Pause,
                                       500 + below(2'000), 1'500, any_member()));
      break;
    }
    case 4:
      // A server that lets only some in: with others there would be a quorum, or one liar more.
      (prng.chance(1, 2) ? feed : sequence).shut_out = 1 + below(plan.replicas);
      if (feed.shut_out > 0) feed.kind = ServerKind::Feed;
      break;
    case 5: {
      // Nobody's reports come in time, and a proposer goes on with the old ones.
      feed.kind = ServerKind::Feed;
      liar({Strategy::Again});
      FaultPlan late = fault_at(FaultKind::Late, 800 + below(1'500), 1'000 + below(600));
      late.group = ~uint64_t{0};
      plan.faults = {late, late};
      plan.faults[1].at += Milliseconds(2'000);
      break;
    }
    case 6:
      // So many leave at once that epochs end and others begin in one block.
      for (uint32_t i = 0; i <= quorum.f() && i + 1 < plan.replicas; ++i)
        plan.faults.push_back(fault_at(FaultKind::Leave, 700 + below(1'500), 0, i));
      break;
    case 7:
      // A slow canister, and members that miss different messages.
      slow_canister();
      feed.loss = 4 + below(12);
      feed.padding = below(100);
      feed.lag = below(100);
      feed.spread = below(60);
      break;
    case 8:
      // Epochs that follow each other at once.
      plan.reconnect_first = Milliseconds(20);
      for (uint32_t i = 2 + below(2); i > 0; --i)
        plan.faults.push_back(fault_at(FaultKind::Outage, 600 + below(2'500), 1'000 + below(900)));
      plan.liars = mixed.liars;
      break;
    default:
      // One that proposes whatever it should not, and one server that tells one member other things.
      sequence.lied_to = 1;
      sequence.large_every = 4 + below(10);
      plan.block_content_bytes = 2'600 + below(800);
      feed.kind = ServerKind::Feed;
      if (prng.chance(1, 2)) slow_canister();
      plan.faults = mixed.faults;
      std::erase_if(plan.faults, [](const FaultPlan& fault) { return fault.kind == FaultKind::DiskLoss; });
      liar({Strategy::Back, prng.chance(1, 2) ? Strategy::Few : Strategy::Greedy, Strategy::Again});
  }
}

}  // namespace

bool Plan::shuts_out(const ConnectionPlan& connection) const {
  return !agreement::Quorum(replicas).is_quorum(replicas - std::min(connection.shut_out, replicas));
}

bool Plan::may_give_up() const {
  const bool lags = std::ranges::any_of(connections, [this](const ConnectionPlan& connection) {
    // A list that a burst fills spans next to no time.
    const bool filled = section_items > 0 && connection.burst > section_items / 2;
    return connection.feed() &&
           (filled || connection.lag > 0 || connection.spread > 100 || connection.loss > 0);
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
  if (options.faults && options.liars && options.losses && prng.chance(1, 4)) choose_situation(plan, prng);
  return plan;
}

}  // namespace icws::sim
