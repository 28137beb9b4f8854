#include "agreement/feed_graph.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <numeric>
#include <queue>

namespace icws::agreement {
namespace {

// Quorum counts at most so many.
constexpr size_t kMembersMax = 40;
constexpr uint32_t kNone = UINT32_MAX;

// Calls `visit(i)` for each bit of a row.
template <class Visit>
void for_each_bit(const uint64_t* row, size_t words, Visit visit) {
  for (size_t w = 0; w < words; ++w) {
    for (uint64_t bits = row[w]; bits != 0; bits &= bits - 1) {
      visit(static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(bits))));
    }
  }
}

// Strongly connected components, after Tarjan, without recursion: a chain may be a thousand long.
class Components {
 public:
  // `live`: a bit for each node that takes part.
  Components(const std::vector<uint64_t>& rows, size_t size, size_t words, std::vector<uint64_t> live)
      : rows_(rows),
        words_(words),
        live_(std::move(live)),
        of_(size, kNone),
        index_(size, 0),
        low_(size, 0) {}

  // Component numbers, from 0; nodes that take no part have kNone.
  std::vector<uint32_t> run(uint32_t& count) {
    for (uint32_t node = 0; node < of_.size(); ++node) {
      if (index_[node] == 0 && (live_[node / 64] >> (node % 64) & 1) != 0) visit(node);
    }
    count = count_;
    return std::move(of_);
  }

 private:
  struct Frame {
    uint32_t node;
    size_t word;
    uint64_t bits;
  };

  void enter(uint32_t node) {
    index_[node] = low_[node] = ++counter_;
    stack_.push_back(node);
    frames_.push_back({node, 0, rows_[node * words_]});
  }

  void visit(uint32_t root) {
    enter(root);
    while (!frames_.empty()) {
      const uint32_t next = next_neighbour(frames_.back());
      if (next == kNone) {
        leave();
      } else if (index_[next] == 0) {
        enter(next);
      } else {
        low_[frames_.back().node] = std::min(low_[frames_.back().node], index_[next]);
      }
    }
  }

  // Passes over nodes whose component is complete a word at a time.
  uint32_t next_neighbour(Frame& frame) {
    while ((frame.bits & live_[frame.word]) == 0) {
      if (++frame.word == words_) {
        --frame.word;
        return kNone;
      }
      frame.bits = rows_[frame.node * words_ + frame.word];
    }
    const uint64_t bits = frame.bits & live_[frame.word];
    frame.bits = bits & (bits - 1);
    return static_cast<uint32_t>(frame.word * 64 + static_cast<size_t>(std::countr_zero(bits)));
  }

  void leave() {
    const uint32_t node = frames_.back().node;
    frames_.pop_back();
    if (!frames_.empty()) low_[frames_.back().node] = std::min(low_[frames_.back().node], low_[node]);
    if (low_[node] != index_[node]) return;
    uint32_t member;
    do {
      member = stack_.back();
      stack_.pop_back();
      live_[member / 64] &= ~(uint64_t{1} << (member % 64));
      of_[member] = count_;
    } while (member != node);
    ++count_;
  }

  const std::vector<uint64_t>& rows_;
  const size_t words_;
  std::vector<uint64_t> live_;
  std::vector<uint32_t> of_, index_, low_, stack_;
  std::vector<Frame> frames_;
  uint32_t counter_ = 0, count_ = 0;
};

}  // namespace

// An item that enough members report, with its ranks in their lists.
struct FeedGraph::Ranked {
  FeedItem item;
  uint64_t reporters = 0;
  uint32_t count = 0;
  std::array<uint16_t, kMembersMax> ranks;  // of the reporters; ascending once sorted

  uint16_t median() const { return ranks[(count - 1) / 2]; }
  bool operator<(const Ranked& other) const {
    if (median() != other.median()) return median() < other.median();
    const auto order = std::lexicographical_compare_three_way(
        ranks.begin(), ranks.begin() + count, other.ranks.begin(), other.ranks.begin() + other.count);
    return order != 0 ? order < 0 : item < other.item;
  }
};

FeedGraph::FeedGraph(const View& view, const SettledSince& settled_since, Quorum quorum) {
  struct Count {
    uint64_t reporters = 0;
    uint32_t place = UINT32_MAX;
  };
  size_t longest = 0;
  for (const InForce& member : view) {
    if (member.section != nullptr) longest = std::max(longest, member.section->items.size());
  }
  std::unordered_map<FeedItem, Count> counts;
  counts.reserve(longest + longest / 2);
  // First the lists without what was settled since, then the items that enough members have. The map's
  // elements do not move.
  std::vector<std::vector<std::pair<const FeedItem, Count>*>> lists(view.size());
  for (size_t member = 0; member < view.size(); ++member) {
    if (view[member].section == nullptr) continue;
    lists[member].reserve(view[member].section->items.size());
    for (const FeedItem& item : view[member].section->items) {
      const uint32_t settled = settled_since(item.content, view[member].height);
      if (item.copy <= settled) continue;
      const auto it = counts.try_emplace(FeedItem{item.content, item.copy - settled}).first;
      it->second.reporters |= uint64_t{1} << member;
      lists[member].push_back(&*it);
    }
  }
  std::vector<Ranked> ranked;
  std::vector<std::vector<uint32_t>> orders(view.size());
  for (size_t member = 0; member < lists.size(); ++member) {
    for (size_t rank = 0; rank < lists[member].size(); ++rank) {
      auto& [item, count] = *lists[member][rank];
      if (!quorum.has_honest(static_cast<uint32_t>(std::popcount(count.reporters)))) continue;
      if (count.place == UINT32_MAX) {
        count.place = static_cast<uint32_t>(ranked.size());
        ranked.push_back(Ranked{item, count.reporters, 0, {}});
      }
      Ranked& node = ranked[count.place];
      node.ranks[node.count++] = static_cast<uint16_t>(rank);
      orders[member].push_back(count.place);
    }
  }
  make_nodes(ranked, orders, quorum);
}

void FeedGraph::make_nodes(std::vector<Ranked>& ranked, const std::vector<std::vector<uint32_t>>& orders,
                           Quorum quorum) {
  std::vector<uint32_t> by_rank(ranked.size());
  std::iota(by_rank.begin(), by_rank.end(), 0);
  for (Ranked& node : ranked) std::sort(node.ranks.begin(), node.ranks.begin() + node.count);
  std::sort(by_rank.begin(), by_rank.end(), [&](uint32_t a, uint32_t b) { return ranked[a] < ranked[b]; });
  std::map<KeyHash, uint32_t> group_of;
  std::vector<Index> index_of(ranked.size());
  by_item_.reserve(ranked.size());
  for (const uint32_t place : by_rank) {
    const Ranked& item = ranked[place];
    const auto index = static_cast<Index>(nodes_.size());
    index_of[place] = index;
    nodes_.push_back(Node{item.item, item.reporters, quorum.is_quorum(item.count)});
    by_item_.emplace(item.item, index);
    const auto [it, fresh] = group_of.emplace(item.item.content.key, static_cast<uint32_t>(groups_.size()));
    if (fresh) groups_.emplace_back();
    places_.emplace_back(it->second, static_cast<uint32_t>(groups_[it->second].members.size()));
    groups_[it->second].members.push_back(index);
  }
  // The groups' places in the order of each member's list.
  std::vector<std::vector<std::vector<uint32_t>>> lists(groups_.size());
  for (const std::vector<uint32_t>& order : orders) {
    for (auto& group : lists) group.emplace_back();
    for (const uint32_t place : order) {
      const auto& [group, at] = places_[index_of[place]];
      lists[group].back().push_back(at);
    }
  }
  for (size_t g = 0; g < groups_.size(); ++g) relate(groups_[g], lists[g], quorum);
}

// Counts, for all pairs at once, how many members list a before b: a row of binary counters for each b, one
// bit of them to a plane, to which each member adds the set of what it lists before b.
void FeedGraph::relate(Group& group, const std::vector<std::vector<uint32_t>>& lists, Quorum quorum) {
  const size_t size = group.members.size(), words = (size + 63) / 64;
  group.words = words;
  group.before.assign(size * words, 0);
  group.after.assign(size * words, 0);
  if (size == 1) return;
  const auto planes = static_cast<size_t>(std::bit_width(lists.size()));
  std::vector<uint64_t> counters(size * planes * words, 0), earlier(words);
  for (const std::vector<uint32_t>& list : lists) {
    std::fill(earlier.begin(), earlier.end(), 0);
    for (const uint32_t b : list) {
      uint64_t* const row = &counters[b * planes * words];
      for (size_t w = 0; w < words; ++w) {
        uint64_t carry = earlier[w];
        for (size_t p = 0; p < planes && carry != 0; ++p) {
          uint64_t& plane = row[p * words + w];
          const uint64_t next = plane & carry;
          plane ^= carry;
          carry = next;
        }
      }
      earlier[b / 64] |= uint64_t{1} << (b % 64);
    }
  }
  for (size_t b = 0; b < size; ++b) {
    for (size_t w = 0; w < words; ++w) {
      uint64_t greater = 0, equal = ~uint64_t{0};  // than f
      for (size_t p = planes; p-- > 0;) {
        const uint64_t plane = counters[(b * planes + p) * words + w];
        const bool bit = (quorum.f() >> p & 1) != 0;
        if (!bit) greater |= equal & plane;
        equal &= bit ? plane : ~plane;
      }
      group.before[b * words + w] = greater;
      for (uint64_t bits = greater; bits != 0; bits &= bits - 1) {
        const size_t a = w * 64 + static_cast<size_t>(std::countr_zero(bits));
        group.after[a * words + b / 64] |= uint64_t{1} << (b % 64);
      }
    }
  }
}

FeedGraph::Index FeedGraph::find(const FeedItem& item) const {
  const auto it = by_item_.find(item);
  return it == by_item_.end() ? static_cast<Index>(nodes_.size()) : it->second;
}

std::vector<FeedGraph::Index> FeedGraph::blockers(const std::vector<Index>& waiting) const {
  std::vector<bool> seen(nodes_.size(), false);
  std::vector<Index> queue = waiting;
  std::vector<Index> out;
  for (const Index node : queue) seen[node] = true;
  while (!queue.empty()) {
    const Index node = queue.back();
    queue.pop_back();
    if (!nodes_[node].decidable) out.push_back(node);
    const Group& group = groups_[places_[node].first];
    for_each_bit(&group.before[places_[node].second * group.words], group.words, [&](uint32_t place) {
      const Index earlier = group.members[place];
      if (seen[earlier]) return;
      seen[earlier] = true;
      queue.push_back(earlier);
    });
  }
  std::sort(out.begin(), out.end());
  return out;
}

FeedGraph::Parts FeedGraph::components(const Group& group, const std::vector<bool>& removed) const {
  Parts out;
  out.live.assign(group.words, 0);
  for (size_t place = 0; place < group.members.size(); ++place) {
    if (!removed[group.members[place]]) out.live[place / 64] |= uint64_t{1} << (place % 64);
  }
  uint32_t count = 0;
  out.of = Components(group.after, group.members.size(), group.words, out.live).run(count);
  out.places.resize(count);
  for (uint32_t place = 0; place < group.members.size(); ++place) {
    if (!removed[group.members[place]]) out.places[out.of[place]].push_back(place);
  }
  return out;
}

uint32_t FeedGraph::last_predecessor(const Group& group, const Parts& parts, uint32_t component) const {
  for (size_t w = group.words; w-- > 0;) {
    uint64_t bits = 0;
    for (const uint32_t place : parts.places[component]) bits |= group.before[place * group.words + w];
    bits &= parts.live[w];
    while (bits != 0) {
      const int top = 63 - std::countl_zero(bits);
      const auto place = static_cast<uint32_t>(w * 64) + static_cast<uint32_t>(top);
      if (parts.of[place] != component) return place;
      bits &= ~(uint64_t{1} << top);
    }
  }
  return kNone;
}

std::vector<std::vector<FeedGraph::Index>> FeedGraph::emit(const std::vector<bool>& available,
                                                           const std::vector<bool>& removed) const {
  std::vector<Parts> parts;
  for (const Group& group : groups_) parts.push_back(components(group, removed));
  // By component: those that wait for it, as far as they have looked. Each waits for the last predecessor in
  // the tie-break order, which mostly comes last, so that few look twice.
  std::vector<std::vector<std::vector<uint32_t>>> waiting(groups_.size());
  for (size_t g = 0; g < groups_.size(); ++g) waiting[g].resize(parts[g].places.size());

  struct Ready {
    Index least;
    uint32_t group, component;
    auto operator<=>(const Ready&) const = default;
  };
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready;
  const auto offer = [&](uint32_t g, uint32_t component) {
    const uint32_t blocker = last_predecessor(groups_[g], parts[g], component);
    if (blocker != kNone) {
      waiting[g][parts[g].of[blocker]].push_back(component);
    } else {
      ready.push(Ready{groups_[g].members[parts[g].places[component].front()], g, component});
    }
  };
  for (uint32_t g = 0; g < groups_.size(); ++g) {
    for (uint32_t component = 0; component < parts[g].places.size(); ++component) {
      const bool possible = std::ranges::all_of(parts[g].places[component], [&](uint32_t place) {
        const Index node = groups_[g].members[place];
        return nodes_[node].decidable && available[node];
      });
      if (possible) offer(g, component);
    }
  }
  std::vector<std::vector<Index>> out;
  while (!ready.empty()) {
    const Ready next = ready.top();
    ready.pop();
    std::vector<Index>& emitted = out.emplace_back();
    for (const uint32_t place : parts[next.group].places[next.component]) {
      emitted.push_back(groups_[next.group].members[place]);
      parts[next.group].live[place / 64] &= ~(uint64_t{1} << (place % 64));
    }
    for (const uint32_t waiter : waiting[next.group][next.component]) offer(next.group, waiter);
  }
  return out;
}

std::vector<FeedGraph::Index> FeedGraph::first_component(Index node, const std::vector<bool>& removed) const {
  const auto& [g, place] = places_[node];
  const Parts parts = components(groups_[g], removed);
  const uint32_t component = parts.of[place];
  if (removed[node] || last_predecessor(groups_[g], parts, component) != kNone) return {};
  std::vector<Index> out;
  for (const uint32_t member : parts.places[component]) {
    out.push_back(groups_[g].members[member]);
    if (!nodes_[out.back()].decidable) return {};
  }
  return out;
}

}  // namespace icws::agreement
