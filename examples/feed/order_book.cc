#include "examples/feed/order_book.h"

#include <utility>

namespace icws::examples {
namespace {

void put_level(std::map<Decimal, Decimal>& side, const Level& level) {
  if (level.size.is_zero()) {
    side.erase(level.price);
  } else {
    side.insert_or_assign(level.price, level.size);
  }
}

}  // namespace

void OrderBook::snapshot(const BookChange& change) {
  if (change.sequence < sequence_) return;
  asks_.clear();
  bids_.clear();
  live_ = true;
  apply(change);
  catch_up();
}

void OrderBook::update(BookChange change) {
  if (change.sequence <= sequence_) return;
  if (live_ && change.sequence == sequence_ + 1) {
    apply(change);
    catch_up();
    return;
  }
  live_ = false;
  waiting_.insert_or_assign(change.sequence, std::move(change));
  if (waiting_.size() > kWaitingMax) waiting_.erase(waiting_.begin());
}

void OrderBook::gap() { live_ = false; }

void OrderBook::restart() {
  live_ = false;
  sequence_ = 0;
  waiting_.clear();
}

void OrderBook::apply(const BookChange& change) {
  for (const Level& level : change.asks) put_level(asks_, level);
  for (const Level& level : change.bids) put_level(bids_, level);
  while (asks_.size() > kLevelsMax) asks_.erase(std::prev(asks_.end()));
  while (bids_.size() > kLevelsMax) bids_.erase(bids_.begin());
  sequence_ = change.sequence;
}

void OrderBook::catch_up() {
  waiting_.erase(waiting_.begin(), waiting_.upper_bound(sequence_));
  while (!waiting_.empty() && waiting_.begin()->first == sequence_ + 1) {
    apply(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
  }
  if (!waiting_.empty()) live_ = false;
}

std::optional<Level> OrderBook::best_ask() const {
  if (asks_.empty()) return std::nullopt;
  return Level{asks_.begin()->first, asks_.begin()->second};
}

std::optional<Level> OrderBook::best_bid() const {
  if (bids_.empty()) return std::nullopt;
  return Level{bids_.rbegin()->first, bids_.rbegin()->second};
}

}  // namespace icws::examples
