#include "tests/support/exchange_model.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

namespace icws::support {
namespace {

using PerChannel = std::map<std::string, std::vector<Bytes>>;

// By method and symbol; acknowledgements are left out.
PerChannel by_channel(const std::vector<TimedMessage>& messages) {
  PerChannel out;
  for (const auto& message : messages) {
    const boost::json::value parsed = boost::json::parse(message.text);
    const auto& object = parsed.as_object();
    if (!object.contains("method")) continue;
    const auto& symbol = object.at("params").as_object().at("symbol").as_string();
    out[std::string(object.at("method").as_string()) + "/" + std::string(symbol)].push_back(message.text);
  }
  return out;
}

std::vector<Bytes> texts_without_acknowledgements(const std::vector<TimedMessage>& messages) {
  std::vector<Bytes> out;
  for (const auto& message : messages) {
    if (message.text.find("\"result\"") == Bytes::npos) out.push_back(message.text);
  }
  return out;
}

ExchangeOptions seeded(uint64_t seed) {
  ExchangeOptions options;
  options.seed = seed;
  return options;
}

TEST(ExchangeModel, RepeatsItselfFromItsSeed) {
  EXPECT_EQ(ExchangeModel(seeded(7)).stream_for(2), ExchangeModel(seeded(7)).stream_for(2));
  EXPECT_NE(ExchangeModel(seeded(7)).stream_for(2), ExchangeModel(seeded(8)).stream_for(2));
}

TEST(ExchangeModel, KeepsTheOrderWithinAChannelOnEveryConnection) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const ExchangeModel exchange(seeded(seed));
    const PerChannel expected = by_channel(exchange.stream_for(0));
    EXPECT_EQ(expected.size(), 50u);
    for (uint32_t connection = 1; connection < 4; ++connection) {
      EXPECT_EQ(by_channel(exchange.stream_for(connection)), expected) << "seed " << seed;
    }
  }
}

TEST(ExchangeModel, InterleavesChannelsDifferentlyOnEachConnection) {
  const ExchangeModel exchange(seeded(1));
  std::set<std::vector<Bytes>> orders;
  for (uint32_t connection = 0; connection < 4; ++connection) {
    orders.insert(texts_without_acknowledgements(exchange.stream_for(connection)));
  }
  EXPECT_EQ(orders.size(), 4u);
}

TEST(ExchangeModel, GivesEachConnectionItsOwnId) {
  const ExchangeModel exchange(seeded(1));
  EXPECT_EQ(exchange.stream_for(0).front().text, R"({"jsonrpc":"2.0","result":true,"id":"SYN.ws.1"})");
  EXPECT_EQ(exchange.stream_for(3).front().text, R"({"jsonrpc":"2.0","result":true,"id":"SYN.ws.4"})");
}

TEST(ExchangeModel, ShowsALateJoinerOnlyWhatFollows) {
  auto options = seeded(1);
  options.joins_us = {0, 15'000'000};
  const ExchangeModel exchange(options);
  const auto early = texts_without_acknowledgements(exchange.stream_for(0));
  const auto late_stream = exchange.stream_for(1);
  const auto late = texts_without_acknowledgements(late_stream);
  EXPECT_GE(late_stream.front().at_us, 15'000'000);
  EXPECT_LT(late.size(), early.size());
  EXPECT_GT(late.size(), early.size() / 4);
  const std::set<Bytes> seen(early.begin(), early.end());
  EXPECT_TRUE(std::all_of(late.begin(), late.end(), [&](const Bytes& text) { return seen.contains(text); }));
}

TEST(ExchangeModel, LosesAFewMessagesOnSingleConnections) {
  auto options = seeded(1);
  options.losses_per_million = 10'000;
  const ExchangeModel exchange(options);
  const size_t size = exchange.stream_for(0).size();
  EXPECT_LT(size, 800u);
  EXPECT_GT(size, 750u);
  EXPECT_NE(by_channel(exchange.stream_for(0)), by_channel(exchange.stream_for(1)));
}

TEST(ExchangeModel, StampsEachConnectionsMessagesDifferently) {
  auto options = seeded(1);
  options.timestamps = true;
  const ExchangeModel exchange(options);
  std::set<Bytes> seen;
  for (uint32_t connection = 0; connection < 2; ++connection) {
    for (const auto& message : exchange.stream_for(connection)) {
      EXPECT_TRUE(boost::json::parse(message.text).as_object().contains("received"));
      seen.insert(message.text);
    }
  }
  EXPECT_EQ(seen.size(), 1600u);
}

}  // namespace
}  // namespace icws::support
