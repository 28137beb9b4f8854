// The messages of a HitBTC-shaped market feed (JSON-RPC notifications), and the requests that subscribe to
// them. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "examples/feed/order_book.h"

namespace icws::examples {

struct Trade {
  uint64_t id = 0;
  Decimal price;
  Decimal quantity;
  std::string side;       // "buy" or "sell"; empty where the exchange does not say
  std::string timestamp;  // the exchange's own
  static void fields(auto& archive, auto& self) {
    archive(self.id, self.price, self.quantity, self.side, self.timestamp);
  }
};

struct Ticker {
  Decimal ask;
  Decimal bid;
  Decimal last;
  Decimal volume;
  std::string timestamp;  // the exchange's own
  static void fields(auto& archive, auto& self) {
    archive(self.ask, self.bid, self.last, self.volume, self.timestamp);
  }
};

struct BookSnapshot {
  BookChange change;
};
struct BookUpdate {
  BookChange change;
};
// Anything that is counted and not kept: candles, replies to the subscriptions.
struct Other {};

struct FeedMessage {
  std::string method;  // empty for a reply to a request
  std::string symbol;  // empty where there is none
  std::variant<Other, Trade, Ticker, BookSnapshot, BookUpdate> what;
};

// Letters, digits, '-', '_' and '/', 1 to 32 of them: nothing that JSON would have to escape.
bool is_symbol(std::string_view text);

// Empty where it is not a message of this feed. Of several trades in one message: the one with the largest
// id.
std::optional<FeedMessage> parse_feed_message(BytesView text);

// The order key of such a message as the transform writes it: a JSON array of method and symbol.
Bytes order_key(std::string_view method, std::string_view symbol);

// Candles, trades, books and tickers of each symbol: channel by channel, as a client of this feed sends them.
std::vector<std::string> subscriptions(const std::vector<std::string>& symbols);

}  // namespace icws::examples
