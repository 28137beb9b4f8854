#include "examples/feed/order_book.h"

#include <gtest/gtest.h>

namespace icws::examples {
namespace {

Level level(std::string_view price, std::string_view size) {
  return {Decimal::from(price).value(), Decimal::from(size).value()};
}

// One ask and one bid at sequence 10.
OrderBook small_book() {
  OrderBook book;
  book.snapshot({10, {level("2.0", "5")}, {level("1.0", "7")}});
  return book;
}

TEST(OrderBook, IsNotLiveBeforeItsFirstSnapshot) {
  const OrderBook book;
  EXPECT_FALSE(book.live());
  EXPECT_FALSE(book.best_ask());
}

TEST(OrderBook, KeepsTheTopThroughUpdates) {
  OrderBook book = small_book();
  book.update({11, {level("1.90", "1")}, {level("1.1", "2")}});
  EXPECT_EQ(book.best_ask()->price.text(), "1.90");
  EXPECT_EQ(book.best_bid()->price.text(), "1.1");
  book.update({12, {level("1.9", "0")}, {level("1.10", "0.0")}});
  EXPECT_EQ(book.best_ask()->price.text(), "2.0");
  EXPECT_EQ(book.best_bid()->size.text(), "7");
  EXPECT_TRUE(book.live());
}

TEST(OrderBook, LetsEarlyUpdatesWaitForTheirSnapshot) {
  OrderBook book;
  book.update({10, {level("9", "9")}, {}});
  book.update({11, {level("1.5", "1")}, {}});
  book.snapshot({10, {level("2", "5")}, {}});
  EXPECT_TRUE(book.live());
  EXPECT_EQ(book.sequence(), 11u);
  EXPECT_EQ(book.best_ask()->price.text(), "1.5");
  EXPECT_EQ(book.ask_levels(), 2u);
}

TEST(OrderBook, IgnoresASnapshotThatIsOlderThanItself) {
  OrderBook book = small_book();
  book.update({11, {level("1.5", "1")}, {}});
  book.snapshot({10, {level("2", "5")}, {}});
  EXPECT_EQ(book.best_ask()->price.text(), "1.5");
}

TEST(OrderBook, IsStaleOverAHoleAndLiveOnceItIsFilled) {
  OrderBook book = small_book();
  book.update({12, {level("1.5", "1")}, {}});
  EXPECT_FALSE(book.live());
  EXPECT_EQ(book.best_ask()->price.text(), "2.0");
  book.snapshot({11, {level("3", "1")}, {}});
  EXPECT_TRUE(book.live());
  EXPECT_EQ(book.sequence(), 12u);
}

TEST(OrderBook, IsStaleAfterAGapUntilTheNextSnapshot) {
  OrderBook book = small_book();
  book.gap();
  EXPECT_FALSE(book.live());
  book.update({11, {level("1.5", "1")}, {}});
  EXPECT_FALSE(book.live());
  book.snapshot({11, {level("1.5", "1")}, {}});
  EXPECT_TRUE(book.live());
}

TEST(OrderBook, TakesAnySnapshotAfterARestart) {
  OrderBook book = small_book();
  book.restart();
  EXPECT_FALSE(book.live());
  book.snapshot({1, {level("4", "1")}, {}});
  EXPECT_TRUE(book.live());
  EXPECT_EQ(book.sequence(), 1u);
}

TEST(OrderBook, DropsTheWorstLevelsAtTheLimit) {
  BookChange change{1, {}, {}};
  for (size_t i = 1; i <= OrderBook::kLevelsMax + 1; ++i) {
    change.asks.push_back(level(std::to_string(i), "1"));
    change.bids.push_back(level(std::to_string(i), "1"));
  }
  OrderBook book;
  book.snapshot(change);
  EXPECT_EQ(book.ask_levels(), OrderBook::kLevelsMax);
  EXPECT_EQ(book.best_ask()->price.text(), "1");
  EXPECT_EQ(book.bid_levels(), OrderBook::kLevelsMax);
  EXPECT_EQ(book.best_bid()->price.text(), std::to_string(OrderBook::kLevelsMax + 1));
}

TEST(OrderBook, StaysStaleWhenTooManyUpdatesWait) {
  OrderBook book;
  for (uint64_t sequence = 11; sequence < 11 + OrderBook::kWaitingMax + 1; ++sequence) {
    book.update({sequence, {level("1", "1")}, {}});
  }
  book.snapshot({10, {}, {}});
  EXPECT_FALSE(book.live());
}

}  // namespace
}  // namespace icws::examples
