// The relation *precedes* among the few items of a feed whose order is not the same in all lists.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace icws::agreement {

// What: which of `size` places precedes which, as rows of bits. Thread-safety: const after construction.
// Ownership: a value. Cost: bits grow with the square of `size`, time with size * entries / 64.
class Precedence {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // `lists`: places in the order of each member's list, none twice in a list; kNone ends a list. a precedes b
  // if more than `faulty` of `members` list a before b.
  Precedence(size_t size, const std::vector<uint32_t>& lists, size_t members, uint32_t faulty);

  // The strongly connected components of the places that take part.
  struct Parts {
    // Of each place its component; kNone: takes no part.
    std::vector<uint32_t> of;
    // Of each component its places, ascending.
    std::vector<std::vector<uint32_t>> places;
    // A bit for each place that takes part; who emits a component clears its bits.
    std::vector<uint64_t> live;
  };
  // `removed`: by place.
  Parts components(const std::vector<bool>& removed) const;
  // The last live place outside `component` that precedes one of its places, or kNone.
  uint32_t last_predecessor(const Parts& parts, uint32_t component) const;
  // Places that precede `place`, put behind `out`.
  void predecessors(uint32_t place, std::vector<uint32_t>& out) const;

 private:
  size_t size_;
  size_t words_;
  // Row b, bit a: a precedes b.
  std::vector<uint64_t> before_;
  // Row a, bit b: a precedes b.
  std::vector<uint64_t> after_;
};

}  // namespace icws::agreement
