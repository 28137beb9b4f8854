// Who saw what before what: the order in which a feed's items are emitted. Design section 4, "feed".
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "agreement/observation.h"
#include "agreement/quorum.h"
#include "agreement/section.h"

namespace icws::agreement {

// How many copies of a content were settled since the base of a report of the given height.
using SettledSince = std::function<uint32_t(const ContentId& content, Height report)>;

// What: the items that more than f members report, in the order (lower median rank, sorted ranks, id), with
// the relation *precedes* within each order key. a precedes b if more than f of b's reporters list a before
// b. Thread-safety: none while building; const after. Ownership: a value; does not keep the sections.
class FeedGraph {
 public:
  // Index into items(): smaller is earlier in the tie-break order.
  using Index = uint32_t;
  struct Node {
    FeedItem item;
    // Bit i: member i of the committee reports it.
    uint64_t reporters = 0;
    bool decidable = false;
  };

  FeedGraph(const View& view, const SettledSince& settled_since, Quorum quorum);

  const std::vector<Node>& nodes() const { return nodes_; }
  // The node of `item`, or nodes().size().
  Index find(const FeedItem& item) const;

  // Every node that is not decidable and from which a node of `waiting` is reachable.
  std::vector<Index> blockers(const std::vector<Index>& waiting) const;

  // The components in emission order. A component is emitted if every member is decidable and `available`,
  // and every component that precedes it was emitted; nodes in `removed` are as if they were not there.
  std::vector<std::vector<Index>> emit(const std::vector<bool>& available,
                                       const std::vector<bool>& removed) const;

  // The whole component of `node`, in emission order, if it may be emitted now: nothing precedes it and every
  // member is decidable. Else empty.
  std::vector<Index> first_component(Index node, const std::vector<bool>& removed) const;

 private:
  // The nodes of one order key, ascending, and the relation among them as rows of bits.
  struct Group {
    std::vector<Index> members;
    size_t words = 0;
    // Row b, bit a: a precedes b.
    std::vector<uint64_t> before;
    // Row a, bit b: a precedes b.
    std::vector<uint64_t> after;
  };
  struct Ranked;
  // The components of a group: of each place (none: removed), the places of each, ascending, and a bit for
  // each place that is neither removed nor emitted.
  struct Parts {
    std::vector<uint32_t> of;
    std::vector<std::vector<uint32_t>> places;
    std::vector<uint64_t> live;
  };

  void make_nodes(std::vector<Ranked>& ranked, const std::vector<std::vector<uint32_t>>& orders,
                  Quorum quorum);
  static void relate(Group& group, const std::vector<std::vector<uint32_t>>& lists, Quorum quorum);
  Parts components(const Group& group, const std::vector<bool>& removed) const;
  // The last live place outside `component` that precedes one of its members, or UINT32_MAX.
  uint32_t last_predecessor(const Group& group, const Parts& parts, uint32_t component) const;

  std::vector<Node> nodes_;
  std::vector<Group> groups_;
  // For each node its group and its place there.
  std::vector<std::pair<uint32_t, uint32_t>> places_;
  std::unordered_map<FeedItem, Index> by_item_;
};

}  // namespace icws::agreement
