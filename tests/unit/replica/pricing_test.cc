#include "replica/pricing.h"

#include <gtest/gtest.h>

#include <limits>

#include "replica/canister.h"

namespace icws::replica {
namespace {

// docs/pricing.md has these figures.
TEST(Pricing, DefaultsForThirteenAndFortyReplicas) {
  const PriceParams prices;
  EXPECT_EQ(open_price(prices, 13, {}).cycles, 36'660'000u + 648'960u);
  EXPECT_EQ(time_price(prices, 13, Milliseconds(1'000)).cycles, 3'900'000u);
  EXPECT_EQ(entry_price(prices, 13, 200).cycles, 2'676'960u);
  EXPECT_EQ(send_price(prices, 13, 200).cycles, 150'800u);
  EXPECT_EQ(open_price(prices, 40, {}).cycles, 264'000'000u + 2'688'000u);
  EXPECT_EQ(time_price(prices, 40, Milliseconds(1'000)).cycles, 12'000'000u);
  EXPECT_EQ(entry_price(prices, 40, 200).cycles, 11'088'000u);
}

TEST(Pricing, TheScriptIsPaidWithTheOpen) {
  const PriceParams prices;
  OpenArguments arguments;
  arguments.script = {{MessageKind::Text, "0123456789"}};
  const Usage with = open_price(prices, 4, arguments);
  EXPECT_EQ(with.cycles - open_price(prices, 4, {}).cycles, 4u * 50 * (10 + 32));
  EXPECT_EQ(with.sends, 4u);
  EXPECT_EQ(with.messages, 0u);
}

TEST(Pricing, WhatIsTooDearSaturatesAndCannotBePaid) {
  PriceParams prices;
  prices.byte_per_pair = kPriceMax;
  const Usage price = entry_price(prices, 40, 2'000'000);
  EXPECT_EQ(price.cycles, std::numeric_limits<Cycles>::max());
  Account account{.balance = std::numeric_limits<Cycles>::max() - 1, .usage = {}};
  Usage usage;
  EXPECT_FALSE(pay(account, usage, price));
  EXPECT_EQ(usage, Usage{});
}

TEST(Pricing, ADepositThatDoesNotFitIsRefused) {
  Account account{.balance = 10, .usage = {}};
  EXPECT_FALSE(deposit(account, std::numeric_limits<Cycles>::max() - 9));
  EXPECT_EQ(account.balance, 10u);
  EXPECT_TRUE(deposit(account, std::numeric_limits<Cycles>::max() - 10));
}

TEST(Pricing, FaultsNameTheField) {
  PriceParams prices;
  EXPECT_TRUE(prices.faults().empty());
  prices.byte_per_node = kPriceMax + 1;
  prices.time_prepaid = Milliseconds(999);
  ASSERT_EQ(prices.faults().size(), 2u);
  EXPECT_NE(prices.faults()[0].find("byte_per_node"), std::string::npos);
}

}  // namespace
}  // namespace icws::replica
