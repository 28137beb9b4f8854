#include "examples/feed/feed_message.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/error_code.hpp>

namespace icws::examples {
namespace json = boost::json;
namespace {

constexpr size_t kSymbolCharactersMax = 32;
constexpr size_t kMethodCharactersMax = 32;
// Keeps a hostile exchange from filling the canister's state.
constexpr size_t kTimestampCharactersMax = 64;
// Levels on one side of one message; the largest recorded snapshot has 646.
constexpr size_t kLevelsMax = 4'000;

std::string text_or_empty(const json::object& object, std::string_view name, size_t characters_max) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string() || value->get_string().size() > characters_max) return {};
  return std::string(value->get_string());
}

std::optional<Decimal> decimal(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return Decimal::from(value->get_string());
}

std::optional<uint64_t> number(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return std::nullopt;
  return static_cast<uint64_t>(value->get_int64());
}

std::optional<std::vector<Level>> levels(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_array() || value->get_array().size() > kLevelsMax) return std::nullopt;
  std::vector<Level> out;
  for (const json::value& item : value->get_array()) {
    if (!item.is_object()) return std::nullopt;
    const auto price = decimal(item.get_object(), "price");
    const auto size = decimal(item.get_object(), "size");
    if (!price || !size) return std::nullopt;
    out.push_back({*price, *size});
  }
  return out;
}

std::optional<BookChange> book_change(const json::object& params) {
  const auto sequence = number(params, "sequence");
  auto asks = levels(params, "ask");
  auto bids = levels(params, "bid");
  if (!sequence || !asks || !bids) return std::nullopt;
  return BookChange{*sequence, std::move(*asks), std::move(*bids)};
}

std::optional<Ticker> ticker(const json::object& params) {
  const auto ask = decimal(params, "ask");
  const auto bid = decimal(params, "bid");
  const auto last = decimal(params, "last");
  const auto volume = decimal(params, "volume");
  if (!ask || !bid || !last || !volume) return std::nullopt;
  return Ticker{*ask, *bid, *last, *volume, text_or_empty(params, "timestamp", kTimestampCharactersMax)};
}

std::optional<Trade> trade(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const auto id = number(object, "id");
  const auto price = decimal(object, "price");
  const auto quantity = decimal(object, "quantity");
  const std::string side = text_or_empty(object, "side", 4);
  if (!id || !price || !quantity || (!side.empty() && side != "buy" && side != "sell")) return std::nullopt;
  return Trade{*id, *price, *quantity, side, text_or_empty(object, "timestamp", kTimestampCharactersMax)};
}

std::optional<Trade> newest_trade(const json::object& params) {
  const json::value* data = params.if_contains("data");
  if (data == nullptr || !data->is_array()) return std::nullopt;
  std::optional<Trade> newest;
  for (const json::value& item : data->get_array()) {
    auto next = trade(item);
    if (!next) return std::nullopt;
    if (!newest || newest->id < next->id) newest = std::move(next);
  }
  return newest;
}

bool has_empty_data(const json::object& params) {
  const json::value* data = params.if_contains("data");
  return data != nullptr && data->is_array() && data->get_array().empty();
}

// False where the method is known and its parameters are not as they should be.
bool read_params(FeedMessage& message, const json::object& params) {
  if (message.method == "snapshotOrderbook" || message.method == "updateOrderbook") {
    auto change = book_change(params);
    if (!change) return false;
    if (message.method == "snapshotOrderbook") {
      message.what = BookSnapshot{std::move(*change)};
    } else {
      message.what = BookUpdate{std::move(*change)};
    }
  } else if (message.method == "ticker") {
    auto value = ticker(params);
    // Tickers of a symbol without any trade have null prices: nothing to keep.
    if (value) message.what = std::move(*value);
  } else if (message.method == "snapshotTrades" || message.method == "updateTrades") {
    auto value = newest_trade(params);
    if (!value) return has_empty_data(params);
    message.what = std::move(*value);
  }
  return true;
}

}  // namespace

bool is_symbol(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '/';
  };
  return !text.empty() && text.size() <= kSymbolCharactersMax &&
         std::all_of(text.begin(), text.end(), allowed);
}

std::optional<FeedMessage> parse_feed_message(BytesView text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  FeedMessage out;
  out.method = text_or_empty(object, "method", kMethodCharactersMax);
  if (out.method.empty()) {
    const bool reply = object.contains("result") || object.contains("error");
    return reply ? std::optional(std::move(out)) : std::nullopt;
  }
  const json::value* params = object.if_contains("params");
  if (params == nullptr || !params->is_object()) return std::nullopt;
  out.symbol = text_or_empty(params->get_object(), "symbol", kSymbolCharactersMax);
  if (!is_symbol(out.symbol) || !read_params(out, params->get_object())) return std::nullopt;
  return out;
}

Bytes order_key(std::string_view method, std::string_view symbol) {
  return "[\"" + std::string(method) + "\",\"" + std::string(symbol) + "\"]";
}

std::vector<std::string> subscriptions(const std::vector<std::string>& symbols) {
  // The same id in every request, as the recorded clients had it; the transform drops it from the replies.
  static constexpr std::string_view kEnd = "},\"id\":\"icws\"}";
  std::vector<std::string> out;
  for (const std::string_view method :
       {"subscribeCandles", "subscribeTrades", "subscribeOrderbook", "subscribeTicker"}) {
    for (const std::string& symbol : symbols) {
      std::string request =
          "{\"method\":\"" + std::string(method) + "\",\"params\":{\"symbol\":\"" + symbol + "\"";
      if (method == "subscribeCandles") request += ",\"period\":\"M1\"";
      out.push_back(request.append(kEnd));
    }
  }
  return out;
}

}  // namespace icws::examples
