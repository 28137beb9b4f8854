// Who saw what before what: the order in which a feed's items are emitted. Design section 4, "feed".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agreement/feed_windows.h"
#include "agreement/interner.h"
#include "agreement/observation.h"
#include "agreement/precedence.h"
#include "agreement/quorum.h"
#include "agreement/section.h"
#include "agreement/settled_index.h"

namespace icws::agreement {

// What: the items that more than f members report, in the order (lower median rank, sorted ranks, id), with
// the relation *precedes* within each order key. a precedes b if more than f of b's reporters list a before
// b. Thread-safety: none while building; const after. Ownership: a value; does not keep the sections.
//
// Cost: linear in the lists where they agree on an order, whatever some of them lack. Only within a window
// (feed_windows.h), whose items somebody swapped, the relation is written down pair by pair. Across windows
// it follows from the reporters alone: whoever lists both of a and b lists the one of the earlier window
// first, so a precedes b if more than f report both. Two decidable items always have so many in common.
class FeedGraph {
 public:
  // Index into nodes(): smaller is earlier in the tie-break order.
  using Index = uint32_t;
  struct Node {
    FeedItem item;
    // Bit i: member i of the committee reports it.
    uint64_t reporters = 0;
    bool decidable = false;
  };

  FeedGraph(const View& view, const SettledIndex& settled, Quorum quorum);

  const std::vector<Node>& nodes() const { return nodes_; }
  // The node of `item`, or nodes().size().
  Index find(const FeedItem& item) const;

  // Every node that is not decidable and from which a node of `waiting` is reachable. Ascending.
  std::vector<Index> blockers(const std::vector<Index>& waiting) const;

  // The components in emission order. A component is emitted if every member is decidable and `available`,
  // and every component that precedes it was emitted; nodes in `removed` are as if they were not there.
  std::vector<std::vector<Index>> emit(const std::vector<bool>& available,
                                       const std::vector<bool>& removed) const;

  // The whole component of `node`, in emission order, if it may be emitted now: nothing precedes it and every
  // member is decidable. Else empty.
  std::vector<Index> first_component(Index node, const std::vector<bool>& removed) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Ranked;
  class Reporters;
  class Emission;
  struct Window {
    // Its members, ascending: a part of members_.
    uint32_t begin = 0, size = 0;
    // Of more than one member: place of their relation in orders_.
    uint32_t order = kNone;
  };
  struct Place {
    uint32_t group = 0, window = 0, place = 0;
  };

  void make_nodes(std::vector<Ranked>& ranked, std::vector<Index>& index_of);
  void make_windows(const std::vector<std::vector<Index>>& lists);
  void make_orders(const std::vector<std::vector<Index>>& lists);
  std::span<const Index> members(const Window& window) const {
    return std::span(members_).subspan(window.begin, window.size);
  }
  Precedence::Parts parts(const Window& window, const std::vector<bool>& removed) const;
  // Puts what precedes one of `queue` within its window behind it, until nothing is left that is not `seen`.
  void close_backwards(const Window& window, std::vector<Index>& queue, std::vector<bool>& seen) const;

  Quorum quorum_;
  std::vector<Node> nodes_;
  // By order key: its windows, the earliest first.
  std::vector<std::vector<Window>> groups_;
  std::vector<Index> members_;
  std::vector<Precedence> orders_;
  // By node.
  std::vector<Place> places_;
  // Every item that somebody lists, and its node or kNone.
  Interner<FeedItem> items_;
  std::vector<Index> node_of_;
};

}  // namespace icws::agreement
