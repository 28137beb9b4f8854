// One symbol's order book, rebuilt from snapshots and updates.
//
// Snapshots and updates have different order keys, so the transcript promises no order between them. The
// exchange numbers both with one sequence, and the book goes by that: an update counts only on top of its
// predecessor, and one that comes too early waits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/archive.h"
#include "examples/feed/decimal.h"

namespace icws::examples {

struct Level {
  Decimal price;
  // Zero removes the level.
  Decimal size;
  static void fields(auto& archive, auto& self) { archive(self.price, self.size); }
};

struct BookChange {
  // The exchange's own number; each update's is its predecessor's plus one.
  uint64_t sequence = 0;
  std::vector<Level> asks;
  std::vector<Level> bids;
  static void fields(auto& archive, auto& self) { archive(self.sequence, self.asks, self.bids); }
};

// What: see above. Thread-safety: none. Ownership: a value. Errors: none; what does not fit makes it stale.
class OrderBook {
 public:
  // Levels kept on each side; the worst go first.
  static constexpr size_t kLevelsMax = 1'000;
  // Early updates kept; the oldest go first, and the hole that leaves keeps the book stale.
  static constexpr size_t kWaitingMax = 64;

  void snapshot(const BookChange& change);
  void update(BookChange change);
  // Messages are missing: stale until a snapshot that is no older than the book.
  void gap();
  // Another epoch: stale until any snapshot, since nothing ties it to what was before.
  void restart();

  // False: the levels are the last known, and something is missing since.
  bool live() const { return live_; }
  uint64_t sequence() const { return sequence_; }
  std::optional<Level> best_ask() const;
  std::optional<Level> best_bid() const;
  size_t ask_levels() const { return asks_.size(); }
  size_t bid_levels() const { return bids_.size(); }

  static void fields(auto& archive, auto& self) {
    archive(self.live_, self.sequence_, self.asks_, self.bids_, self.waiting_);
  }

 private:
  void apply(const BookChange& change);
  // Applies the waiting updates that follow on; a hole before the next one makes the book stale.
  void catch_up();

  bool live_ = false;
  uint64_t sequence_ = 0;
  std::map<Decimal, Decimal> asks_;
  std::map<Decimal, Decimal> bids_;
  std::map<uint64_t, BookChange> waiting_;
};

}  // namespace icws::examples
