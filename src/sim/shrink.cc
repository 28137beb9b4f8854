// Delta debugging over a plan: whatever can go and the run still fails, goes.
#include <algorithm>
#include <functional>

#include "sim/world.h"

namespace icws::sim {
namespace {

class Shrinker {
 public:
  Shrinker(const Plan& plan, const Captures* captures, uint32_t runs_max)
      : best_(plan), captures_(captures), runs_left_(runs_max) {}

  Plan shrink() {
    for (bool better = true; better && runs_left_ > 0;) {
      better = drop_each(&Plan::faults);
      better |= drop_each(&Plan::liars);
      better |= drop_strategies();
      better |= drop_connections();
      better |= simplify();
      better |= shorten();
    }
    return best_;
  }

 private:
  bool fails(const Plan& plan) {
    if (runs_left_ == 0 || plan == best_) return false;
    --runs_left_;
    if (run(plan, captures_).violations.empty()) return false;
    best_ = plan;
    return true;
  }

  template <class T>
  bool drop_each(std::vector<T> Plan::* list) {
    bool better = false;
    for (size_t i = (best_.*list).size(); i-- > 0;) {
      Plan smaller = best_;
      (smaller.*list).erase((smaller.*list).begin() + static_cast<ptrdiff_t>(i));
      better |= fails(smaller);
    }
    return better;
  }

  bool drop_strategies() {
    bool better = false;
    for (size_t liar = 0; liar < best_.liars.size(); ++liar) {
      for (size_t i = best_.liars[liar].strategies.size();
           i-- > 0 && best_.liars[liar].strategies.size() > 1;) {
        Plan smaller = best_;
        auto& strategies = smaller.liars[liar].strategies;
        strategies.erase(strategies.begin() + static_cast<ptrdiff_t>(i));
        better |= fails(smaller);
      }
    }
    return better;
  }

  // From the end, for a connection's number is its place.
  bool drop_connections() {
    bool better = false;
    while (best_.connections.size() > 1) {
      Plan smaller = best_;
      smaller.connections.pop_back();
      if (!fails(smaller)) break;
      better = true;
    }
    return better;
  }

  bool simplify() {
    bool better = false;
    const auto attempt = [&](const std::function<void(Plan&)>& change) {
      Plan simpler = best_;
      change(simpler);
      better |= fails(simpler);
    };
    attempt([](Plan& plan) { plan.report_loss = 0; });
    attempt([](Plan& plan) { plan.section_items = 0; });
    attempt([](Plan& plan) { plan.inbox_bytes = plan.delivery_bytes = 0; });
    attempt([](Plan& plan) { plan.block_content_bytes = 0; });
    attempt([](Plan& plan) { plan.report_bytes = 0; });
    attempt([](Plan& plan) {
      if (plan.replicas > 4 && plan.liars.size() <= 1) plan.replicas = 4;
      for (LiarPlan& liar : plan.liars) liar.member %= plan.replicas;
      for (FaultPlan& fault : plan.faults) fault.member %= plan.replicas;
    });
    for (size_t i = 0; i < best_.connections.size(); ++i) {
      attempt([i](Plan& plan) { plan.connections[i].loss = 0; });
      attempt([i](Plan& plan) { plan.connections[i].lag = 0; });
      attempt([i](Plan& plan) { plan.connections[i].padding = 0; });
      attempt([i](Plan& plan) { plan.connections[i].burst = 1; });
      attempt([i](Plan& plan) { plan.connections[i].keys = 1; });
    }
    return better;
  }

  bool shorten() {
    Plan shorter = best_;
    shorter.duration = shorter.duration * 3 / 4;
    return shorter.duration > Milliseconds(2'000) && fails(shorter);
  }

  Plan best_;
  const Captures* captures_;
  uint32_t runs_left_;
};

}  // namespace

Plan shrink(const Plan& plan, const Captures* captures, uint32_t runs_max) {
  return Shrinker(plan, captures, runs_max).shrink();
}

}  // namespace icws::sim
