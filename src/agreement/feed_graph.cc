#include "agreement/feed_graph.h"

#include <algorithm>
#include <bit>
#include <map>
#include <queue>

namespace icws::agreement {
namespace {

constexpr uint16_t kNotListed = 0xffff;

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
  Components(const std::vector<uint64_t>& rows, size_t words, const std::vector<bool>& skip)
      : rows_(rows),
        words_(words),
        skip_(skip),
        of_(skip.size(), 0),
        index_(skip.size(), 0),
        low_(skip.size(), 0) {}

  // Component numbers, from 0; skipped nodes have none.
  std::vector<uint32_t> run(uint32_t& count) {
    for (uint32_t node = 0; node < skip_.size(); ++node) {
      if (!skip_[node] && index_[node] == 0) visit(node);
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
      } else if (index_[next] != kDone) {
        low_[frames_.back().node] = std::min(low_[frames_.back().node], index_[next]);
      }
    }
  }

  uint32_t next_neighbour(Frame& frame) {
    for (;;) {
      while (frame.bits == 0) {
        if (++frame.word == words_) return kNone;
        frame.bits = rows_[frame.node * words_ + frame.word];
      }
      const auto bit =
          static_cast<uint32_t>(frame.word * 64 + static_cast<size_t>(std::countr_zero(frame.bits)));
      frame.bits &= frame.bits - 1;
      if (!skip_[bit] && index_[bit] != kDone) return bit;
    }
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
      index_[member] = kDone;
      of_[member] = count_;
    } while (member != node);
    ++count_;
  }

  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kDone = UINT32_MAX;
  const std::vector<uint64_t>& rows_;
  const size_t words_;
  const std::vector<bool>& skip_;
  std::vector<uint32_t> of_, index_, low_, stack_;
  std::vector<Frame> frames_;
  uint32_t counter_ = 0, count_ = 0;
};

}  // namespace

// An item with its rank in each member's list.
struct FeedGraph::Ranked {
  FeedItem item;
  uint64_t reporters = 0;
  std::vector<uint16_t> ranks;   // by member; kNotListed
  std::vector<uint16_t> sorted;  // of the reporters

  uint16_t median() const { return sorted[(sorted.size() - 1) / 2]; }
  bool operator<(const Ranked& other) const {
    if (median() != other.median()) return median() < other.median();
    if (sorted != other.sorted) return sorted < other.sorted;
    return item < other.item;
  }
};

FeedGraph::FeedGraph(const View& view, const SettledSince& settled_since, Quorum quorum)
    : members_(view.size()) {
  struct Count {
    uint64_t reporters = 0;
    uint32_t place = UINT32_MAX;
  };
  std::unordered_map<FeedItem, Count> counts;
  // First the lists without what was settled since, then the items that enough members have.
  std::vector<std::vector<FeedItem>> lists(view.size());
  for (size_t member = 0; member < view.size(); ++member) {
    if (view[member].section == nullptr) continue;
    std::unordered_map<ContentId, uint32_t> settled;
    for (const FeedItem& item : view[member].section->items) {
      auto it = settled.find(item.content);
      if (it == settled.end()) {
        it = settled.emplace(item.content, settled_since(item.content, view[member].height)).first;
      }
      if (item.copy <= it->second) continue;
      lists[member].push_back(FeedItem{item.content, item.copy - it->second});
      counts[lists[member].back()].reporters |= uint64_t{1} << member;
    }
  }
  std::vector<Ranked> ranked;
  for (size_t member = 0; member < lists.size(); ++member) {
    for (size_t rank = 0; rank < lists[member].size(); ++rank) {
      Count& count = counts[lists[member][rank]];
      if (!quorum.has_honest(static_cast<uint32_t>(std::popcount(count.reporters)))) continue;
      if (count.place == UINT32_MAX) {
        count.place = static_cast<uint32_t>(ranked.size());
        ranked.push_back(
            Ranked{lists[member][rank], count.reporters, std::vector<uint16_t>(view.size(), kNotListed), {}});
      }
      ranked[count.place].ranks[member] = static_cast<uint16_t>(rank);
      ranked[count.place].sorted.push_back(static_cast<uint16_t>(rank));
    }
  }
  make_nodes(std::move(ranked), quorum);
}

void FeedGraph::make_nodes(std::vector<Ranked> ranked, Quorum quorum) {
  for (Ranked& node : ranked) std::sort(node.sorted.begin(), node.sorted.end());
  std::sort(ranked.begin(), ranked.end());
  std::map<KeyHash, uint32_t> group_of;
  std::vector<std::vector<const std::vector<uint16_t>*>> ranks;
  for (const Ranked& item : ranked) {
    const auto index = static_cast<Index>(nodes_.size());
    nodes_.push_back(Node{item.item, item.reporters,
                          quorum.is_quorum(static_cast<uint32_t>(std::popcount(item.reporters)))});
    by_item_.emplace(item.item, index);
    const auto [it, fresh] = group_of.emplace(item.item.content.key, static_cast<uint32_t>(groups_.size()));
    if (fresh) {
      groups_.emplace_back();
      ranks.emplace_back();
    }
    places_.emplace_back(it->second, static_cast<uint32_t>(groups_[it->second].members.size()));
    groups_[it->second].members.push_back(index);
    ranks[it->second].push_back(&item.ranks);
  }
  for (size_t g = 0; g < groups_.size(); ++g) make_group(groups_[g], ranks[g], quorum);
}

void FeedGraph::make_group(Group& group, const std::vector<const std::vector<uint16_t>*>& ranks,
                           Quorum quorum) const {
  const size_t size = group.members.size();
  group.words = (size + 63) / 64;
  group.before.assign(size * group.words, 0);
  group.after.assign(size * group.words, 0);
  if (size == 1) return;
  // One row of ranks a member, so that counting is a run over flat arrays that the compiler vectorises.
  std::vector<std::vector<uint16_t>> rows(members_, std::vector<uint16_t>(size));
  for (size_t member = 0; member < members_; ++member) {
    for (size_t i = 0; i < size; ++i) rows[member][i] = (*ranks[i])[member];
  }
  std::vector<uint16_t> counts(size);
  for (size_t b = 0; b < size; ++b) {
    std::fill(counts.begin(), counts.end(), uint16_t{0});
    for (size_t member = 0; member < members_; ++member) {
      const uint16_t rank = rows[member][b];
      if (rank == kNotListed) continue;
      const uint16_t* row = rows[member].data();
      uint16_t* count = counts.data();
      for (size_t a = 0; a < size; ++a) count[a] = static_cast<uint16_t>(count[a] + (row[a] < rank));
    }
    for (size_t a = 0; a < size; ++a) {
      if (!quorum.has_honest(counts[a])) continue;
      group.before[b * group.words + a / 64] |= uint64_t{1} << (a % 64);
      group.after[a * group.words + b / 64] |= uint64_t{1} << (b % 64);
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

std::vector<uint32_t> FeedGraph::components(const Group& group, const std::vector<bool>& removed,
                                            uint32_t& count) const {
  std::vector<bool> skip(group.members.size());
  for (size_t i = 0; i < skip.size(); ++i) skip[i] = removed[group.members[i]];
  return Components(group.after, group.words, skip).run(count);
}

std::vector<std::vector<FeedGraph::Index>> FeedGraph::emit(const std::vector<bool>& available,
                                                           const std::vector<bool>& removed) const {
  struct Component {
    std::vector<Index> members;  // ascending
    bool possible = true;
    uint32_t predecessors = 0;
    std::vector<uint32_t> successors;
  };
  std::vector<Component> all;
  for (const Group& group : groups_) {
    uint32_t count = 0;
    const std::vector<uint32_t> of = components(group, removed, count);
    const auto first = static_cast<uint32_t>(all.size());
    all.resize(first + count);
    for (uint32_t place = 0; place < group.members.size(); ++place) {
      const Index node = group.members[place];
      if (removed[node]) continue;
      Component& component = all[first + of[place]];
      component.members.push_back(node);
      component.possible = component.possible && nodes_[node].decidable && available[node];
    }
    for (uint32_t place = 0; place < group.members.size(); ++place) {
      if (removed[group.members[place]]) continue;
      const uint32_t from = first + of[place];
      for_each_bit(&group.after[place * group.words], group.words, [&](uint32_t later) {
        const uint32_t to = first + of[later];
        if (removed[group.members[later]] || to == from) return;
        // One edge for each pair of nodes; counted and released alike, so doubles do no harm.
        all[from].successors.push_back(to);
        ++all[to].predecessors;
      });
    }
  }

  using Ready = std::pair<Index, uint32_t>;  // least member, component
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready;
  const auto offer = [&](uint32_t c) {
    if (all[c].predecessors == 0 && all[c].possible) ready.emplace(all[c].members.front(), c);
  };
  for (uint32_t c = 0; c < all.size(); ++c) offer(c);
  std::vector<std::vector<Index>> out;
  while (!ready.empty()) {
    const uint32_t c = ready.top().second;
    ready.pop();
    for (const uint32_t next : all[c].successors) {
      --all[next].predecessors;
      offer(next);
    }
    out.push_back(std::move(all[c].members));
  }
  return out;
}

}  // namespace icws::agreement
