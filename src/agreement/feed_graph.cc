#include "agreement/feed_graph.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <numeric>
#include <queue>
#include <utility>

namespace icws::agreement {
namespace {

// Quorum counts at most so many.
constexpr size_t kMembersMax = 40;

// The members' lists without what was settled since, as numbers of items, and who reports each item.
struct Lists {
  std::vector<std::vector<uint32_t>> by_member;
  std::vector<uint64_t> reporters;
};

// Mostly all members list the same items in the same order: what followed an item in the list before is tried
// first, and only a surprise is looked up.
Lists read_lists(const View& view, const SettledIndex& settled, Interner<FeedItem>& items) {
  Lists out;
  out.by_member.resize(view.size());
  // By item: its content's number in `settled`, and the item that came next when it was last seen.
  std::vector<uint32_t> history, next;
  const auto number_of = [&](const FeedItem& item, uint32_t guess) {
    const auto [number, fresh] = items.add(item, guess);
    if (fresh) {
      history.push_back(settled.find(item.content));
      next.push_back(UINT32_MAX);
      out.reporters.push_back(0);
    }
    return number;
  };
  for (size_t member = 0; member < view.size(); ++member) {
    if (view[member].section == nullptr) continue;
    const std::vector<FeedItem>& listed = view[member].section->items;
    out.by_member[member].reserve(listed.size());
    uint32_t guess = 0;
    uint32_t last = UINT32_MAX;
    for (const FeedItem& item : listed) {
      uint32_t number = number_of(item, guess);
      if (last != UINT32_MAX) next[last] = number;
      last = number;
      guess = next[number];
      if (history[number] != settled.none()) {
        const uint32_t gone = settled.since(history[number], view[member].height);
        if (item.copy <= gone) continue;
        number = number_of(FeedItem{item.content, item.copy - gone}, UINT32_MAX);
      }
      out.reporters[number] |= uint64_t{1} << member;
      out.by_member[member].push_back(number);
    }
  }
  return out;
}

}  // namespace

// An item that enough members report, with its ranks in their lists.
struct FeedGraph::Ranked {
  uint32_t item = 0;  // number
  uint64_t reporters = 0;
  uint32_t count = 0;
  std::array<uint16_t, kMembersMax> ranks;  // of the reporters; ascending once sorted

  uint16_t median() const { return ranks[(count - 1) / 2]; }
  bool before(const Ranked& other, const Interner<FeedItem>& items) const {
    if (median() != other.median()) return median() < other.median();
    const auto order = std::lexicographical_compare_three_way(
        ranks.begin(), ranks.begin() + count, other.ranks.begin(), other.ranks.begin() + other.count);
    return order != 0 ? order < 0 : items[item] < items[other.item];
  }
};

// Sets of reporters, of which it asks whether one of them shares more than f members with a given one.
class FeedGraph::Reporters {
 public:
  explicit Reporters(Quorum quorum) : quorum_(quorum) {}
  void add(uint64_t reporters) {
    if (std::ranges::find(sets_, reporters) == sets_.end()) sets_.push_back(reporters);
  }
  bool share_honest(uint64_t reporters) const {
    return std::ranges::any_of(sets_, [&](uint64_t set) {
      return quorum_.has_honest(static_cast<uint32_t>(std::popcount(set & reporters)));
    });
  }

 private:
  Quorum quorum_;
  std::vector<uint64_t> sets_;
};

FeedGraph::FeedGraph(const View& view, const SettledIndex& settled, Quorum quorum) : quorum_(quorum) {
  const Lists lists = read_lists(view, settled, items_);
  std::vector<Ranked> ranked;
  std::vector<uint32_t> place_of(items_.size(), kNone);
  std::vector<std::vector<Index>> orders(view.size());
  for (size_t member = 0; member < view.size(); ++member) {
    const std::vector<uint32_t>& list = lists.by_member[member];
    orders[member].reserve(list.size());
    for (size_t rank = 0; rank < list.size(); ++rank) {
      const uint64_t reporters = lists.reporters[list[rank]];
      if (!quorum.has_honest(static_cast<uint32_t>(std::popcount(reporters)))) continue;
      uint32_t& place = place_of[list[rank]];
      if (place == kNone) {
        place = static_cast<uint32_t>(ranked.size());
        ranked.push_back(Ranked{list[rank], reporters, 0, {}});
      }
      Ranked& node = ranked[place];
      node.ranks[node.count++] = static_cast<uint16_t>(rank);
      orders[member].push_back(place);
    }
  }
  std::vector<Index> index_of(ranked.size());
  make_nodes(ranked, index_of);
  for (std::vector<Index>& order : orders) {
    for (Index& place : order) place = index_of[place];
  }
  make_windows(orders);
}

void FeedGraph::make_nodes(std::vector<Ranked>& ranked, std::vector<Index>& index_of) {
  std::vector<uint32_t> by_rank(ranked.size());
  std::iota(by_rank.begin(), by_rank.end(), 0);
  for (Ranked& node : ranked) std::sort(node.ranks.begin(), node.ranks.begin() + node.count);
  const auto before = [&](uint32_t a, uint32_t b) { return ranked[a].before(ranked[b], items_); };
  if (!std::is_sorted(by_rank.begin(), by_rank.end(), before)) {
    std::sort(by_rank.begin(), by_rank.end(), before);
  }
  nodes_.reserve(ranked.size());
  node_of_.assign(items_.size(), kNone);
  for (const uint32_t place : by_rank) {
    const Ranked& node = ranked[place];
    index_of[place] = node_of_[node.item] = static_cast<Index>(nodes_.size());
    nodes_.push_back(Node{items_[node.item], node.reporters, quorum_.is_quorum(node.count)});
  }
}

void FeedGraph::make_windows(const std::vector<std::vector<Index>>& lists) {
  std::map<KeyHash, uint32_t> groups;
  std::vector<uint32_t> group_of(nodes_.size());
  for (Index node = 0; node < nodes_.size(); ++node) {
    group_of[node] =
        groups.emplace(nodes_[node].item.content.key, static_cast<uint32_t>(groups.size())).first->second;
  }
  groups_.resize(groups.size());
  places_.resize(nodes_.size());
  members_.reserve(nodes_.size());
  const FeedWindows windows(group_of, groups.size(), lists);
  uint32_t orders = 0;
  for (size_t w = 0; w < windows.size(); ++w) {
    const std::span<const uint32_t> nodes = windows.nodes(w);
    std::vector<Window>& group = groups_[group_of[nodes.front()]];
    Window window{static_cast<uint32_t>(members_.size()), static_cast<uint32_t>(nodes.size()), kNone};
    if (nodes.size() > 1) window.order = orders++;
    for (uint32_t place = 0; place < nodes.size(); ++place) {
      places_[nodes[place]] = Place{group_of[nodes[place]], static_cast<uint32_t>(group.size()), place};
    }
    members_.insert(members_.end(), nodes.begin(), nodes.end());
    group.push_back(window);
  }
  if (orders > 0) make_orders(lists);
}

// Each window's part of the lists, then its relation.
void FeedGraph::make_orders(const std::vector<std::vector<Index>>& lists) {
  std::vector<const Window*> windows;
  for (const std::vector<Window>& group : groups_) {
    for (const Window& window : group) {
      if (window.order == kNone) continue;
      if (windows.size() <= window.order) windows.resize(window.order + 1);
      windows[window.order] = &window;
    }
  }
  std::vector<std::vector<uint32_t>> parts(windows.size());
  std::vector<size_t> last_member(windows.size(), lists.size());
  for (size_t member = 0; member < lists.size(); ++member) {
    for (const Index node : lists[member]) {
      const Place& at = places_[node];
      const uint32_t order = groups_[at.group][at.window].order;
      if (order == kNone) continue;
      if (std::exchange(last_member[order], member) != member) parts[order].push_back(Precedence::kNone);
      parts[order].push_back(at.place);
    }
  }
  for (size_t i = 0; i < windows.size(); ++i) {
    orders_.emplace_back(windows[i]->size, parts[i], lists.size(), quorum_.f());
  }
}

FeedGraph::Index FeedGraph::find(const FeedItem& item) const {
  const uint32_t number = items_.find(item);
  const Index node = number == items_.size() ? kNone : node_of_[number];
  return node == kNone ? static_cast<Index>(nodes_.size()) : node;
}

void FeedGraph::close_backwards(const Window& window, std::vector<Index>& queue,
                                std::vector<bool>& seen) const {
  if (window.order == kNone) return;
  std::vector<uint32_t> earlier;
  for (size_t i = 0; i < queue.size(); ++i) {
    earlier.clear();
    orders_[window.order].predecessors(places_[queue[i]].place, earlier);
    for (const uint32_t place : earlier) {
      const Index node = members(window)[place];
      if (seen[node]) continue;
      seen[node] = true;
      queue.push_back(node);
    }
  }
}

std::vector<FeedGraph::Index> FeedGraph::blockers(const std::vector<Index>& waiting) const {
  std::vector<bool> seen(nodes_.size(), false);
  for (const Index node : waiting) seen[node] = true;
  std::vector<Index> out;
  for (const std::vector<Window>& group : groups_) {
    // Of everything in later windows from which a waiting node is reachable.
    Reporters later(quorum_);
    for (size_t w = group.size(); w-- > 0;) {
      std::vector<Index> queue;
      for (const Index node : members(group[w])) {
        if (!seen[node] && !later.share_honest(nodes_[node].reporters)) continue;
        seen[node] = true;
        queue.push_back(node);
      }
      close_backwards(group[w], queue, seen);
      for (const Index node : queue) {
        later.add(nodes_[node].reporters);
        if (!nodes_[node].decidable) out.push_back(node);
      }
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Precedence::Parts FeedGraph::parts(const Window& window, const std::vector<bool>& removed) const {
  std::vector<bool> places;
  for (const Index node : members(window)) places.push_back(removed[node]);
  return orders_[window.order].components(places);
}

// One run of emit().
class FeedGraph::Emission {
 public:
  Emission(const FeedGraph& graph, const std::vector<bool>& available, const std::vector<bool>& removed)
      : graph_(graph), available_(available), removed_(removed) {
    for (uint32_t group = 0; group < graph.groups_.size(); ++group) keys_.emplace_back(graph.quorum_);
  }

  std::vector<std::vector<Index>> run() {
    for (uint32_t group = 0; group < keys_.size(); ++group) advance(group);
    while (!ready_.empty()) {
      const Ready next = ready_.top();
      ready_.pop();
      emit(next);
    }
    return std::move(out_);
  }

 private:
  // Where one order key stands: its window, which is left once all decidable items of it are emitted, for
  // each of them precedes every decidable item of later windows.
  struct Key {
    explicit Key(Quorum quorum) : stuck(quorum) {}
    uint32_t next_window = 0;
    uint32_t undone = 0;
    // Reporters of what can never be emitted, in the windows that were left.
    Reporters stuck;
    // Of a window with several members.
    Precedence::Parts parts;
    // By component: those that wait for it, as far as they have looked. Each waits for the last predecessor
    // in the tie-break order, which mostly comes last, so that few look twice.
    std::vector<std::vector<uint32_t>> waiting;
  };
  struct Ready {
    Index least;
    uint32_t group, component;
    auto operator<=>(const Ready&) const = default;
  };

  const Window& window(uint32_t group) const { return graph_.groups_[group][keys_[group].next_window - 1]; }
  bool may_go(const Key& key, Index node) const {
    return graph_.nodes_[node].decidable && available_[node] &&
           !key.stuck.share_honest(graph_.nodes_[node].reporters);
  }

  // Goes on to the next window that has something to emit.
  void advance(uint32_t group) {
    Key& key = keys_[group];
    while (key.undone == 0 && key.next_window < graph_.groups_[group].size()) {
      if (key.next_window > 0) leave(key, window(group));
      ++key.next_window;
      enter(group);
    }
  }

  void leave(Key& key, const Window& window) const {
    for (const Index node : graph_.members(window)) {
      if (!removed_[node] && !graph_.nodes_[node].decidable) key.stuck.add(graph_.nodes_[node].reporters);
    }
  }

  void enter(uint32_t group) {
    Key& key = keys_[group];
    const std::span<const Index> members = graph_.members(window(group));
    for (const Index node : members) key.undone += !removed_[node] && graph_.nodes_[node].decidable;
    if (key.undone == 0) return;
    if (members.size() == 1) {
      if (may_go(key, members.front())) ready_.push(Ready{members.front(), group, 0});
      return;
    }
    key.parts = graph_.parts(window(group), removed_);
    key.waiting.assign(key.parts.places.size(), {});
    for (uint32_t component = 0; component < key.parts.places.size(); ++component) {
      const bool possible = std::ranges::all_of(key.parts.places[component],
                                                [&](uint32_t place) { return may_go(key, members[place]); });
      if (possible) offer(group, component);
    }
  }

  void offer(uint32_t group, uint32_t component) {
    Key& key = keys_[group];
    const Precedence& order = graph_.orders_[window(group).order];
    const uint32_t blocker = order.last_predecessor(key.parts, component);
    if (blocker != Precedence::kNone) {
      key.waiting[key.parts.of[blocker]].push_back(component);
    } else {
      const Index least = graph_.members(window(group))[key.parts.places[component].front()];
      ready_.push(Ready{least, group, component});
    }
  }

  void emit(const Ready& ready) {
    Key& key = keys_[ready.group];
    const std::span<const Index> members = graph_.members(window(ready.group));
    std::vector<Index>& emitted = out_.emplace_back();
    if (members.size() == 1) {
      emitted.push_back(ready.least);
    } else {
      for (const uint32_t place : key.parts.places[ready.component]) {
        emitted.push_back(members[place]);
        key.parts.live[place / 64] &= ~(uint64_t{1} << (place % 64));
      }
      for (const uint32_t waiter : key.waiting[ready.component]) offer(ready.group, waiter);
    }
    key.undone -= static_cast<uint32_t>(emitted.size());
    advance(ready.group);
  }

  const FeedGraph& graph_;
  const std::vector<bool>& available_;
  const std::vector<bool>& removed_;
  std::vector<Key> keys_;
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready_;
  std::vector<std::vector<Index>> out_;
};

std::vector<std::vector<FeedGraph::Index>> FeedGraph::emit(const std::vector<bool>& available,
                                                           const std::vector<bool>& removed) const {
  return Emission(*this, available, removed).run();
}

std::vector<FeedGraph::Index> FeedGraph::first_component(Index node, const std::vector<bool>& removed) const {
  if (removed[node]) return {};
  const Place& at = places_[node];
  const std::vector<Window>& group = groups_[at.group];
  const Window& window = group[at.window];
  std::vector<Index> out{node};
  if (window.order != kNone) {
    const Precedence::Parts parts = this->parts(window, removed);
    const uint32_t component = parts.of[at.place];
    if (orders_[window.order].last_predecessor(parts, component) != Precedence::kNone) return {};
    out.clear();
    for (const uint32_t place : parts.places[component]) out.push_back(members(window)[place]);
  }
  Reporters earlier(quorum_);
  for (uint32_t w = 0; w < at.window; ++w) {
    for (const Index other : members(group[w])) {
      if (!removed[other]) earlier.add(nodes_[other].reporters);
    }
  }
  const bool free = std::ranges::all_of(out, [&](Index member) {
    return nodes_[member].decidable && !earlier.share_honest(nodes_[member].reporters);
  });
  return free ? out : std::vector<Index>();
}

}  // namespace icws::agreement
