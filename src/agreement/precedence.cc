#include "agreement/precedence.h"

#include <algorithm>
#include <bit>

namespace icws::agreement {
namespace {

constexpr uint32_t kNone = Precedence::kNone;

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

// Counts, for all pairs at once, how many members list a before b: a row of binary counters for each b, one
// bit of them to a plane, to which each member adds the set of what it lists before b.
Precedence::Precedence(size_t size, const std::vector<uint32_t>& lists, size_t members, uint32_t faulty)
    : size_(size), words_((size + 63) / 64), before_(size * words_, 0), after_(size * words_, 0) {
  const auto planes = static_cast<size_t>(std::bit_width(members));
  std::vector<uint64_t> counters(size * planes * words_, 0), earlier(words_);
  for (const uint32_t b : lists) {
    if (b == kNone) {
      std::fill(earlier.begin(), earlier.end(), 0);
      continue;
    }
    uint64_t* const row = &counters[b * planes * words_];
    for (size_t w = 0; w < words_; ++w) {
      uint64_t carry = earlier[w];
      for (size_t p = 0; p < planes && carry != 0; ++p) {
        uint64_t& plane = row[p * words_ + w];
        const uint64_t next = plane & carry;
        plane ^= carry;
        carry = next;
      }
    }
    earlier[b / 64] |= uint64_t{1} << (b % 64);
  }
  for (size_t b = 0; b < size; ++b) {
    for (size_t w = 0; w < words_; ++w) {
      uint64_t greater = 0, equal = ~uint64_t{0};  // than `faulty`
      for (size_t p = planes; p-- > 0;) {
        const uint64_t plane = counters[(b * planes + p) * words_ + w];
        const bool bit = (faulty >> p & 1) != 0;
        if (!bit) greater |= equal & plane;
        equal &= bit ? plane : ~plane;
      }
      before_[b * words_ + w] = greater;
    }
    for_each_bit(&before_[b * words_], words_,
                 [&](uint32_t a) { after_[a * words_ + b / 64] |= uint64_t{1} << (b % 64); });
  }
}

Precedence::Parts Precedence::components(const std::vector<bool>& removed) const {
  Parts out;
  out.live.assign(words_, 0);
  for (size_t place = 0; place < size_; ++place) {
    if (!removed[place]) out.live[place / 64] |= uint64_t{1} << (place % 64);
  }
  uint32_t count = 0;
  out.of = Components(after_, size_, words_, out.live).run(count);
  out.places.resize(count);
  for (uint32_t place = 0; place < size_; ++place) {
    if (!removed[place]) out.places[out.of[place]].push_back(place);
  }
  return out;
}

uint32_t Precedence::last_predecessor(const Parts& parts, uint32_t component) const {
  for (size_t w = words_; w-- > 0;) {
    uint64_t bits = 0;
    for (const uint32_t place : parts.places[component]) bits |= before_[place * words_ + w];
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

void Precedence::predecessors(uint32_t place, std::vector<uint32_t>& out) const {
  for_each_bit(&before_[place * words_], words_, [&](uint32_t earlier) { out.push_back(earlier); });
}

}  // namespace icws::agreement
