// Where many lists agree on an order, and where they do not.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace icws::agreement {

// What: a partition of nodes into windows, the smallest ones such that no list puts a node of a later window
// before one of an earlier window of the same group. They are the strongly connected components of "stands
// right before in some list", in topological order: where lists differ in what they lack, every window has
// one node; where they differ in the order, those are together that somebody swapped.
// Time and space are linear in the lists.
class FeedWindows {
 public:
  // `group_of`: by node, from 0 to `groups`. lists: nodes, none twice in a list; groups may interleave.
  FeedWindows(const std::vector<uint32_t>& group_of, size_t groups,
              const std::vector<std::vector<uint32_t>>& lists);

  size_t size() const { return begins_.size(); }
  // Ascending. For two windows of one group, the one of the smaller number comes first.
  std::span<const uint32_t> nodes(size_t window) const {
    const size_t end = window + 1 == begins_.size() ? nodes_.size() : begins_[window + 1];
    return std::span(nodes_).subspan(begins_[window], end - begins_[window]);
  }

 private:
  // All windows' nodes, and where each window begins.
  std::vector<uint32_t> nodes_;
  std::vector<size_t> begins_;
};

}  // namespace icws::agreement
