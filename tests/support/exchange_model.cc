#include "tests/support/exchange_model.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

namespace icws::support {
namespace {

constexpr std::array<const char*, 5> kMethods = {"snapshotCandles", "snapshotTrades", "snapshotOrderbook",
                                                 "ticker", "updateOrderbook"};
constexpr uint32_t kSnapshots = 3;
constexpr int64_t kSnapshotsAtUs = 100'000;
constexpr int64_t kUpdatesAtUs = 300'000;

std::string symbol_name(uint32_t index) {
  static constexpr std::array<const char*, 3> kQuotes = {"BTC", "ETH", "USD"};
  std::string name;
  for (uint32_t rest = index * 977 + 1009, digit = 0; digit < 3; ++digit, rest /= 26) {
    name.push_back(static_cast<char>('A' + rest % 26));
  }
  return name + kQuotes[index % kQuotes.size()] + (index < 17'576 ? "" : std::to_string(index));
}

// A price or size as exchanges write it: a string with a fixed number of decimals.
std::string decimal(uint64_t units) {
  char text[40];
  std::snprintf(text, sizeof text, "\"%llu.%05llu\"", static_cast<unsigned long long>(units / 100'000),
                static_cast<unsigned long long>(units % 100'000));
  return text;
}

std::string timestamp(int64_t at_us) {
  const int64_t ms = at_us / 1000;
  char text[48];
  std::snprintf(text, sizeof text, "\"2026-01-01T%02d:%02d:%02d.%03dZ\"",
                static_cast<int>(ms / 3'600'000 % 24), static_cast<int>(ms / 60'000 % 60),
                static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000));
  return text;
}

std::string levels(Prng& prng, uint64_t count) {
  std::string out = "[";
  for (uint64_t i = 0; i < count; ++i) {
    if (i > 0) out += ",";
    out += "{\"price\":" + decimal(1'000'000 + prng.below(500'000)) +
           ",\"size\":" + decimal(prng.chance(1, 3) ? 0 : prng.below(90'000'000)) + "}";
  }
  return out + "]";
}

std::string object_head(uint32_t method, const std::string& params, const std::string& symbol) {
  return std::string(R"({"jsonrpc":"2.0","method":")") + kMethods[method] + R"(","params":{)" + params +
         R"(,"symbol":")" + symbol + "\"}";
}

std::string candles_or_trades(Prng& prng, uint64_t first_id) {
  std::string out = "\"data\":[";
  const uint64_t count = 5 + prng.below(20);
  for (uint64_t i = 0; i < count; ++i) {
    if (i > 0) out += ",";
    out += "{\"id\":" + std::to_string(first_id + i) +
           ",\"price\":" + decimal(1'000'000 + prng.below(500'000)) +
           ",\"quantity\":" + decimal(prng.below(9'000'000)) + "}";
  }
  return out + "]";
}

// A book's updates count on from its snapshot.
uint64_t snapshot_sequence(uint32_t symbol) { return 1'000'000 * (uint64_t{symbol} + 1); }

std::string connection_id(uint32_t connection) { return "SYN.ws." + std::to_string(connection + 1); }

}  // namespace

ExchangeModel::ExchangeModel(ExchangeOptions options) : options_(std::move(options)) {
  options_.symbols = std::max(1u, options_.symbols);
  Prng prng(options_.seed);
  publish_snapshots(prng);
  publish_updates(prng);
}

void ExchangeModel::publish_snapshots(Prng& prng) {
  const uint32_t count = options_.symbols * kSnapshots;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t symbol = i / kSnapshots;
    const uint32_t method = i % kSnapshots;
    const std::string params = method == 2 ? "\"ask\":" + levels(prng, 50 + prng.below(200)) +
                                                 ",\"bid\":" + levels(prng, 50) +
                                                 ",\"sequence\":" + std::to_string(snapshot_sequence(symbol))
                                           : candles_or_trades(prng, 7'000'000 + 1000 * i);
    published_.push_back({kSnapshotsAtUs + 1000 * i, symbol * static_cast<uint32_t>(kMethods.size()) + method,
                          object_head(method, params, symbol_name(symbol)), false});
  }
}

void ExchangeModel::publish_updates(Prng& prng) {
  const auto span = static_cast<uint64_t>(std::max<int64_t>(1, options_.duration_us - kUpdatesAtUs));
  std::vector<int64_t> times;
  for (uint32_t i = 0; i < options_.updates; ++i) {
    times.push_back(kUpdatesAtUs + static_cast<int64_t>(prng.below(span)));
  }
  std::sort(times.begin(), times.end());
  std::vector<uint64_t> sequences;
  for (uint32_t symbol = 0; symbol < options_.symbols; ++symbol)
    sequences.push_back(snapshot_sequence(symbol));
  for (uint32_t i = 0; i < options_.updates; ++i) {
    const auto symbol = static_cast<uint32_t>(prng.below(options_.symbols));
    const bool ticker = prng.chance(2, 7);
    const uint32_t method = ticker ? 3 : 4;
    const std::string stamp = ",\"timestamp\":" + timestamp(times[i]);
    // The running number makes every update another message: repeated contents are a case of their own.
    const std::string params =
        ticker ? "\"ask\":" + decimal(1'200'000 + prng.below(50'000)) +
                     ",\"bid\":" + decimal(1'100'000 + prng.below(50'000)) +
                     ",\"last\":" + decimal(1'150'000 + prng.below(50'000)) +
                     ",\"volume\":" + decimal(1'000'000 + 7 * static_cast<uint64_t>(i)) + stamp
               : "\"ask\":" + levels(prng, prng.below(4)) + ",\"bid\":" + levels(prng, 1 + prng.below(4)) +
                     ",\"sequence\":" + std::to_string(++sequences[symbol]) + stamp;
    published_.push_back({times[i], symbol * static_cast<uint32_t>(kMethods.size()) + method,
                          object_head(method, params, symbol_name(symbol)), true});
  }
}

int64_t ExchangeModel::join_us(uint32_t connection) const {
  return connection < options_.joins_us.size() ? options_.joins_us[connection] : 0;
}

std::vector<Bytes> ExchangeModel::subscriptions_for(uint32_t connection) const {
  static constexpr std::array<const char*, 4> kSubscribe = {"subscribeCandles", "subscribeTrades",
                                                            "subscribeOrderbook", "subscribeTicker"};
  std::vector<Bytes> out;
  for (const char* method : kSubscribe) {
    for (uint32_t symbol = 0; symbol < options_.symbols; ++symbol) {
      out.push_back(std::string(R"({"method":")") + method + R"(","params":{"symbol":")" +
                    symbol_name(symbol) + R"("},"id":")" + connection_id(connection) + "\"}");
    }
  }
  return out;
}

std::vector<TimedMessage> ExchangeModel::stream_for(uint32_t connection) const {
  Prng prng(options_.seed * 0x9E3779B97F4A7C15u + connection + 1);
  const int64_t join = join_us(connection);
  const auto latency = static_cast<int64_t>(prng.below(5000));
  const auto reorder = static_cast<uint64_t>(std::max<int64_t>(1, options_.reorder_us));
  std::vector<TimedMessage> out;
  if (options_.acknowledgements) {
    const size_t count = subscriptions_for(connection).size();
    for (size_t i = 0; i < count; ++i) {
      out.push_back({join + latency + static_cast<int64_t>(10 * i),
                     R"({"jsonrpc":"2.0","result":true,"id":")" + connection_id(connection) + "\""});
    }
  }
  std::map<uint32_t, int64_t> last_us;  // by channel: never overtake within one
  for (const Published& message : published_) {
    const auto late = static_cast<int64_t>(prng.below(reorder));
    const bool lost = message.update && prng.chance(options_.losses_per_million, 1'000'000);
    if (lost || message.at_us < join) continue;
    int64_t& last = last_us[message.channel];
    last = std::max(last + 1, message.at_us + latency + late);
    out.push_back({last, message.head});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const TimedMessage& a, const TimedMessage& b) { return a.at_us < b.at_us; });
  for (TimedMessage& message : out) {
    if (options_.timestamps) {
      message.text += ",\"received\":" + std::to_string(message.at_us * 64 + connection);
    }
    message.text += "}";
  }
  return out;
}

std::vector<RecordedStream> ExchangeModel::streams(uint32_t count) const {
  std::vector<RecordedStream> out;
  for (uint32_t i = 0; i < count; ++i) out.push_back({subscriptions_for(i), stream_for(i)});
  return out;
}

}  // namespace icws::support
