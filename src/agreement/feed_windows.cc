#include "agreement/feed_windows.h"

#include <algorithm>

namespace icws::agreement {
namespace {

constexpr uint32_t kNone = UINT32_MAX;

// The nodes that stand right behind each node in some list.
class Successors {
 public:
  explicit Successors(size_t nodes) : first_(nodes, kNone) {}

  void add(uint32_t from, uint32_t to) {
    // Lists are mostly equal: looking at the newest one finds nearly every repetition.
    if (first_[from] != kNone && edges_[first_[from]].to == to) return;
    edges_.push_back(Edge{to, first_[from]});
    first_[from] = static_cast<uint32_t>(edges_.size() - 1);
  }
  uint32_t first(uint32_t node) const { return first_[node]; }
  uint32_t to(uint32_t edge) const { return edges_[edge].to; }
  uint32_t next(uint32_t edge) const { return edges_[edge].next; }

 private:
  struct Edge {
    uint32_t to;
    uint32_t next;
  };
  std::vector<uint32_t> first_;
  std::vector<Edge> edges_;
};

Successors successors(const std::vector<uint32_t>& group_of, size_t groups,
                      const std::vector<std::vector<uint32_t>>& lists) {
  Successors out(group_of.size());
  std::vector<uint32_t> last(groups);
  for (const std::vector<uint32_t>& list : lists) {
    std::ranges::fill(last, kNone);
    for (const uint32_t node : list) {
      uint32_t& before = last[group_of[node]];
      if (before != kNone) out.add(before, node);
      before = node;
    }
  }
  return out;
}

// Tarjan's components without recursion: a list is a thousand long.
class Components {
 public:
  explicit Components(const Successors& graph, size_t nodes)
      : graph_(graph), index_(nodes, 0), low_(nodes, 0), done_(nodes, false) {}

  // All components' nodes, a component's together, and where each component ends; the last ones first.
  void run(std::vector<uint32_t>& nodes, std::vector<size_t>& ends) {
    for (uint32_t root = 0; root < index_.size(); ++root) {
      if (index_[root] != 0) continue;
      enter(root);
      while (!frames_.empty()) step(nodes, ends);
    }
  }

 private:
  struct Frame {
    uint32_t node;
    uint32_t edge;
  };

  void enter(uint32_t node) {
    index_[node] = low_[node] = ++counter_;
    stack_.push_back(node);
    frames_.push_back(Frame{node, graph_.first(node)});
  }

  void step(std::vector<uint32_t>& nodes, std::vector<size_t>& ends) {
    Frame& frame = frames_.back();
    if (frame.edge == kNone) return leave(nodes, ends);
    const uint32_t next = graph_.to(frame.edge);
    frame.edge = graph_.next(frame.edge);
    if (index_[next] == 0) {
      enter(next);
    } else if (!done_[next]) {
      low_[frame.node] = std::min(low_[frame.node], index_[next]);
    }
  }

  void leave(std::vector<uint32_t>& nodes, std::vector<size_t>& ends) {
    const uint32_t node = frames_.back().node;
    frames_.pop_back();
    if (!frames_.empty()) low_[frames_.back().node] = std::min(low_[frames_.back().node], low_[node]);
    if (low_[node] != index_[node]) return;
    for (;;) {
      const uint32_t member = stack_.back();
      stack_.pop_back();
      done_[member] = true;
      nodes.push_back(member);
      if (member == node) break;
    }
    ends.push_back(nodes.size());
  }

  const Successors& graph_;
  std::vector<uint32_t> index_, low_, stack_;
  std::vector<bool> done_;
  std::vector<Frame> frames_;
  uint32_t counter_ = 0;
};

}  // namespace

FeedWindows::FeedWindows(const std::vector<uint32_t>& group_of, size_t groups,
                         const std::vector<std::vector<uint32_t>>& lists) {
  const Successors graph = successors(group_of, groups, lists);
  std::vector<uint32_t> backwards;
  std::vector<size_t> ends;
  backwards.reserve(group_of.size());
  Components(graph, group_of.size()).run(backwards, ends);
  nodes_.reserve(backwards.size());
  for (size_t i = ends.size(); i-- > 0;) {
    begins_.push_back(nodes_.size());
    const size_t begin = i == 0 ? 0 : ends[i - 1];
    nodes_.insert(nodes_.end(), backwards.begin() + static_cast<ptrdiff_t>(begin),
                  backwards.begin() + static_cast<ptrdiff_t>(ends[i]));
    std::sort(nodes_.begin() + static_cast<ptrdiff_t>(begins_.back()), nodes_.end());
  }
}

}  // namespace icws::agreement
