#include "agreement/feed_rules.h"

#include <algorithm>
#include <set>

#include "agreement/ordered_rules.h"

namespace icws::agreement {
namespace {

// The nodes that the decision names, in its order; refuses what is not decidable.
std::expected<std::vector<FeedGraph::Index>, DecisionFault> named_nodes(const FeedStep& step,
                                                                        const FeedDecision& decision) {
  const size_t nodes = step.graph.nodes().size();
  std::vector<FeedGraph::Index> out;
  out.reserve(decision.contents.size());
  // How many copies are named, at the node of the first one.
  std::vector<uint32_t> copies(nodes, 0);
  for (const Observation& observation : decision.contents) {
    if (!is_message(observation.kind)) {
      return std::unexpected(DecisionFault::WrongContent);
    }
    const ContentId id = feed_content_id(observation.kind, observation.key, observation.content);
    FeedGraph::Index node = step.graph.find(FeedItem{id, 1});
    if (node != nodes && ++copies[node] > 1) node = step.graph.find(FeedItem{id, copies[node]});
    if (node == nodes || step.expired[node]) return std::unexpected(DecisionFault::WrongContent);
    if (!step.graph.nodes()[node].decidable) return std::unexpected(DecisionFault::Unsupported);
    out.push_back(node);
  }
  return out;
}

// Copies of a content are settled from the first on: a later one waits until the earlier ones are gone, lest
// settling it take the place of one that a quorum has.
void expire(FeedStep& step, std::vector<FeedGraph::Index> blockers) {
  const std::vector<FeedGraph::Node>& nodes = step.graph.nodes();
  std::ranges::sort(blockers, {}, [&](FeedGraph::Index node) { return nodes[node].item; });
  for (const FeedGraph::Index node : blockers) {
    const FeedItem& item = nodes[node].item;
    if (item.copy > 1) {
      const FeedGraph::Index previous = step.graph.find(FeedItem{item.content, item.copy - 1});
      if (previous != nodes.size() && !step.expired[previous]) continue;
    }
    step.expired[node] = true;
    ++step.expired_count;
  }
}

// Copies that a block settles, by content in the order in which they first come.
class SettledCount {
 public:
  void add(const ContentId& content) {
    const auto [number, fresh] = contents_.add(content);
    if (fresh) settled_.push_back(SettledContent{content, 0});
    ++settled_[number].count;
  }
  uint32_t of(const ContentId& content) const {
    const uint32_t number = contents_.find(content);
    return number == contents_.size() ? 0 : settled_[number].count;
  }
  std::vector<SettledContent> take() { return std::move(settled_); }

 private:
  Interner<ContentId> contents_;
  std::vector<SettledContent> settled_;
};

// Settled copies move the copy numbers of what is left.
std::map<FeedItem, AgreedTime> still_decidable(const FeedStep& step, const SettledCount& settled) {
  std::map<FeedItem, AgreedTime> out;
  for (size_t i = 0; i < step.graph.nodes().size(); ++i) {
    const auto& [item, reporters, decidable] = step.graph.nodes()[i];
    if (!decidable) continue;
    const uint32_t gone = settled.of(item.content);
    if (item.copy > gone) out.emplace(FeedItem{item.content, item.copy - gone}, step.decidable_since[i]);
  }
  return out;
}

// False: the budget does not hold it.
bool take(FeedBudget& budget, const Observation& observation) {
  const uint64_t carried = carried_bytes(observation);
  // A gap mark may have to stand before it.
  const uint64_t entry = 2 * inbox_bytes(observation, budget.part_bytes);
  if (carried > budget.content_bytes || entry > budget.inbox_bytes) return false;
  budget.content_bytes -= carried;
  budget.inbox_bytes -= entry;
  return true;
}

// The items that a decision emits, if it has them in a valid order: whole components in emission order, or
// alone the beginning of one. `named` are its nodes in its own order, in which copies of a content are
// interchangeable.
std::optional<std::vector<FeedGraph::Index>> emitted_nodes(const FeedStep& step,
                                                           const std::vector<FeedGraph::Index>& named) {
  const std::vector<FeedGraph::Node>& nodes = step.graph.nodes();
  const auto same_content = [&](FeedGraph::Index a, FeedGraph::Index b) {
    return nodes[a].item.content == nodes[b].item.content;
  };
  std::vector<FeedGraph::Index> out;
  if (named.empty()) return out;
  std::vector<bool> available(nodes.size(), false);
  for (const FeedGraph::Index node : named) available[node] = true;
  for (const auto& component : step.graph.emit(available, step.expired)) {
    out.insert(out.end(), component.begin(), component.end());
  }
  if (std::ranges::equal(out, named, same_content)) return out;
  out = step.graph.first_component(named.front(), step.expired);
  if (named.size() >= out.size()) return std::nullopt;
  out.resize(named.size());
  if (!std::ranges::equal(out, named, same_content)) return std::nullopt;
  return out;
}

// Everything that could be emitted after `emitted` if its contents were there: closed under precedes, so that
// no proposer chooses what is dropped.
std::vector<FeedGraph::Index> dropped_nodes(const FeedStep& step,
                                            const std::vector<FeedGraph::Index>& emitted,
                                            const std::map<KeyHash, GapCount>& gaps) {
  const std::vector<FeedGraph::Node>& nodes = step.graph.nodes();
  std::vector<bool> gone = step.expired;
  for (const FeedGraph::Index node : emitted) gone[node] = true;
  std::set<KeyHash> keys;
  for (const auto& [key, count] : gaps) keys.insert(key);
  std::vector<FeedGraph::Index> out;
  for (const auto& component : step.graph.emit(std::vector<bool>(nodes.size(), true), gone)) {
    // A component has one key.
    const KeyHash& key = nodes[component.front()].item.content.key;
    if (keys.size() >= kDroppedKeysMax && !keys.contains(key)) continue;
    keys.insert(key);
    out.insert(out.end(), component.begin(), component.end());
  }
  return out;
}

}  // namespace

FeedStep begin_feed(const FeedState& state, const View& view, Quorum quorum, const FeedContext& context,
                    const AgreementParams& params) {
  const SettledIndex settled(state.settled, oldest_report(view));
  FeedStep step{FeedGraph(view, settled, quorum), {}, {}, 0};
  const std::vector<FeedGraph::Node>& nodes = step.graph.nodes();
  step.expired.assign(nodes.size(), false);
  step.decidable_since.assign(nodes.size(), context.now);
  std::vector<FeedGraph::Index> waited;
  for (FeedGraph::Index i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].decidable) continue;
    const auto it = state.decidable_since.find(nodes[i].item);
    // While the inbox is full, nobody reads on, so a slow member cannot catch up: the wait starts anew.
    const bool waits = it != state.decidable_since.end() && context.inbox_has_room;
    const AgreedTime from = waits ? it->second : context.now;
    step.decidable_since[i] = from;
    if (context.now - from >= params.hold_back) waited.push_back(i);
  }
  if (waited.empty() || !context.inbox_has_room) return step;
  expire(step, step.graph.blockers(waited));
  return step;
}

FeedDecision propose_feed(const FeedStep& step, const FeedLog& log, const FeedBudget& budget) {
  const std::vector<FeedGraph::Node>& nodes = step.graph.nodes();
  std::vector<bool> available(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    available[i] = nodes[i].decidable && log.find(nodes[i].item) != nullptr;
  }
  FeedDecision out;
  FeedBudget left = budget;
  for (const std::vector<FeedGraph::Index>& component : step.graph.emit(available, step.expired)) {
    const size_t whole = out.contents.size();
    for (const FeedGraph::Index node : component) {
      const Observation& observation = *log.find(nodes[node].item);
      if (!take(left, observation)) {
        // One that a whole block cannot hold comes in parts, each alone in its block.
        if (whole > 0) out.contents.resize(whole);
        return out;
      }
      out.contents.push_back(observation);
    }
  }
  return out;
}

std::expected<FeedOutcome, DecisionFault> decide_feed(const FeedState& state, const FeedStep& step,
                                                      const FeedDecision& decision,
                                                      const FeedContext& context,
                                                      const AgreementParams& params) {
  const std::vector<FeedGraph::Node>& nodes = step.graph.nodes();
  const auto named = named_nodes(step, decision);
  if (!named) return std::unexpected(named.error());
  const auto in_order = emitted_nodes(step, *named);
  if (!in_order) return std::unexpected(DecisionFault::WrongOrder);
  const std::vector<FeedGraph::Index>& emitted = *in_order;

  FeedOutcome out;
  out.state.gaps = state.gaps;
  SettledCount settled;
  for (FeedGraph::Index node = 0; node < nodes.size(); ++node) {
    if (!step.expired[node]) continue;
    settled.add(nodes[node].item.content);
    ++out.state.gaps[nodes[node].item.content.key].missing;
  }
  for (size_t i = 0; i < emitted.size(); ++i) {
    const ContentId& content = nodes[emitted[i]].item.content;
    FeedEmission emission;
    emission.observation = decision.contents[i];
    if (const auto gap = out.state.gaps.find(content.key); gap != out.state.gaps.end()) {
      emission.gap = gap->second;
      emission.gap_key = content.key;
      out.state.gaps.erase(gap);
    }
    out.emissions.push_back(std::move(emission));
    settled.add(content);
  }
  if (context.drops) {
    for (const FeedGraph::Index node : dropped_nodes(step, emitted, out.state.gaps)) {
      const ContentId& content = nodes[node].item.content;
      GapCount& gap = out.state.gaps[content.key];
      ++gap.missing;
      ++gap.dropped;
      settled.add(content);
    }
  }
  out.state.decidable_since = still_decidable(step, settled);
  out.settled = settled.take();
  out.state.settled = state.settled;
  if (!out.settled.empty()) out.state.settled.push_back(SettledBlock{context.height, out.settled});
  const uint64_t kept = params.blocks_in_force + 2;
  while (!out.state.settled.empty() &&
         out.state.settled.front().height.value + kept <= context.height.value) {
    out.state.settled.pop_front();
  }
  return out;
}

}  // namespace icws::agreement
