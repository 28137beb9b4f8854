#include "examples/feed/feed_canister.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <span>

#include "agreement/observation.h"
#include "examples/feed/feed_message.h"
#include "examples/json_arguments.h"
#include "examples/reject.h"

namespace icws::examples {
namespace json = boost::json;
namespace {

using replica::CanisterContext;
using replica::ClosedCall;
using replica::DataCall;
using replica::DataEntry;
using replica::OpenArguments;
using replica::OpenedCall;

// Four subscriptions each: as many as a script may hold (ClusterParams::script_messages_max).
constexpr size_t kSymbolsMax = 64;
// Methods counted by name; the feed has eight. Others count as "other".
constexpr size_t kMethodsMax = 32;

// Between two resubscriptions, in block time: each makes the exchange send every snapshot to every node.
// Nodes that get different ones, because the book changed in between, agree on none, and it is asked for
// again.
constexpr uint64_t kResubscribeEveryMs = 10'000;

struct Symbol {
  uint64_t messages = 0;
  std::optional<Trade> trade;
  std::optional<Ticker> ticker;
  OrderBook book;
  static void fields(auto& archive, auto& self) {
    archive(self.messages, self.trade, self.ticker, self.book);
  }
};

struct State {
  // The newest one; only its calls count.
  uint64_t connection = 0;
  std::string url;
  std::string status = "none";
  uint32_t epoch = 0;
  uint64_t messages = 0;
  uint64_t missing = 0;
  uint64_t unparsed = 0;
  uint64_t last_time_ms = 0;  // block time, since the Unix epoch
  std::string close;          // how it ended last, for people
  // A gap has made a book stale, and no snapshot has come since.
  bool snapshots_wanted = false;
  uint64_t resubscribed_ms = 0;  // block time of the last resubscription; 0: none
  uint64_t resubscriptions = 0;
  std::map<std::string, uint64_t> methods;
  std::map<std::string, Symbol> symbols;
  static void fields(auto& archive, auto& self) {
    archive(self.connection, self.url, self.status, self.epoch, self.messages, self.missing, self.unparsed,
            self.last_time_ms, self.close, self.snapshots_wanted, self.resubscribed_ms, self.resubscriptions,
            self.methods, self.symbols);
  }
};

std::vector<std::string> symbols_of(const json::object& arguments) {
  std::vector<std::string> symbols = text_list(arguments, "symbols");
  if (symbols.empty() || symbols.size() > kSymbolsMax) {
    throw ArgumentError("argument \"symbols\" must list 1 to 64 symbols");
  }
  std::vector<std::string> sorted = symbols;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    throw ArgumentError("argument \"symbols\" names a symbol twice");
  }
  for (const std::string& symbol : symbols) {
    if (!is_symbol(symbol))
      throw ArgumentError("\"" + symbol + "\" is not a symbol: letters and digits, at most 32");
  }
  return symbols;
}

OpenArguments open_arguments(std::string url, const std::vector<std::string>& symbols) {
  OpenArguments out;
  out.url = std::move(url);
  out.mode = replica::Mode::Feed;
  out.transform.json = true;
  out.transform.drop_pointers = {"/id"};
  out.transform.key_pointers = {"/method", "/params/symbol"};
  for (std::string& line : subscriptions(symbols)) {
    out.script.push_back({replica::MessageKind::Text, std::move(line)});
  }
  out.reconnect = true;
  return out;
}

json::value describe(const std::optional<Level>& level) {
  if (!level) return nullptr;
  return json::object{{"price", level->price.text()}, {"size", level->size.text()}};
}

json::object describe(const Symbol& symbol) {
  json::object out;
  out["messages"] = symbol.messages;
  if (symbol.trade) {
    const Trade& trade = *symbol.trade;
    out["last_trade"] = json::object{{"id", trade.id},
                                     {"price", trade.price.text()},
                                     {"quantity", trade.quantity.text()},
                                     {"side", trade.side},
                                     {"timestamp", trade.timestamp}};
  }
  if (symbol.ticker) {
    const Ticker& ticker = *symbol.ticker;
    out["ticker"] = json::object{{"ask", ticker.ask.text()},
                                 {"bid", ticker.bid.text()},
                                 {"last", ticker.last.text()},
                                 {"volume", ticker.volume.text()},
                                 {"timestamp", ticker.timestamp}};
  }
  out["book"] = json::object{{"live", symbol.book.live()},
                             {"sequence", symbol.book.sequence()},
                             {"best_ask", describe(symbol.book.best_ask())},
                             {"best_bid", describe(symbol.book.best_bid())},
                             {"ask_levels", symbol.book.ask_levels()},
                             {"bid_levels", symbol.book.bid_levels()}};
  return out;
}

// The feed's methods: its books, and the rest.
constexpr std::array<std::string_view, 2> kBookMethods = {"snapshotOrderbook", "updateOrderbook"};
constexpr std::array<std::string_view, 5> kOtherMethods = {"ticker", "snapshotTrades", "updateTrades",
                                                           "snapshotCandles", "updateCandles"};

bool is_one_of(BytesView hash, std::span<const std::string_view> methods, const std::string& symbol) {
  return std::any_of(methods.begin(), methods.end(), [&](std::string_view method) {
    const agreement::KeyHash key = agreement::key_hash(order_key(method, symbol));
    return hash == BytesView(reinterpret_cast<const char*>(key.data()), key.size());
  });
}

// Puts a message's contents into its symbol.
struct Keep {
  Symbol& symbol;
  void operator()(const Other&) const {}
  void operator()(Trade& trade) const {
    if (!symbol.trade || symbol.trade->id <= trade.id) symbol.trade = std::move(trade);
  }
  void operator()(Ticker& ticker) const { symbol.ticker = std::move(ticker); }
  void operator()(const BookSnapshot& snapshot) const { symbol.book.snapshot(snapshot.change); }
  void operator()(BookUpdate& update) const { symbol.book.update(std::move(update.change)); }
};

// What: see feed_canister.h. Its whole state is one struct in canonical encoding.
class FeedCanister final : public replica::Canister {
 public:
  Bytes call(CanisterContext& context, std::string_view method, BytesView arguments) override {
    if (method == "open") return open(context, arguments);
    if (method == "close") return close(context, arguments);
    throw ArgumentError("there is no call \"" + std::string(method) + "\"; there are open, close");
  }

  void ws_opened(CanisterContext&, const OpenedCall& call) override {
    if (call.connection.value != state_.connection) return;
    state_.status = "open";
    state_.epoch = call.epoch.value;
    for (auto& [name, symbol] : state_.symbols) symbol.book.restart();
  }

  void ws_data(CanisterContext& context, const DataCall& call) override {
    if (call.connection.value != state_.connection) return;
    state_.last_time_ms = static_cast<uint64_t>(call.time.time_since_epoch().count());
    for (const DataEntry& entry : call.entries) {
      if (entry.kind == DataEntry::Kind::Gap) {
        note_gap(entry);
      } else if (entry.kind != DataEntry::Kind::Receipt) {
        keep(entry);
      }
    }
    rebuild(context);
  }

  void ws_closed(CanisterContext&, const ClosedCall& call) override {
    if (call.connection.value != state_.connection) return;
    state_.status = call.reconnecting ? "waiting" : "closed";
    state_.close = std::string(transcript::cause_name(call.cause)) + ": " + call.message;
    for (auto& [name, symbol] : state_.symbols) symbol.book.restart();
  }

  Bytes query(std::string_view method, BytesView arguments) const override {
    if (method == "symbol") return symbol(arguments);
    if (method == "summary") return summary(arguments);
    throw ArgumentError("there is no query \"" + std::string(method) + "\"; there are symbol, summary");
  }

  Bytes save() const override { return archive_encode(state_); }

  void load(BytesView bytes) override {
    auto state = archive_decode<State>(bytes);
    if (!state) throw std::runtime_error("not a state of the feed canister");
    state_ = std::move(*state);
  }

 private:
  Bytes open(CanisterContext& context, BytesView arguments) {
    const json::object in = parse_arguments(arguments, {"url", "symbols"});
    if (state_.status != "none" && state_.status != "closed") {
      throw ArgumentError("a feed is open already; close it first");
    }
    const std::vector<std::string> symbols = symbols_of(in);
    const OpenArguments open = open_arguments(required_text(in, "url"), symbols);
    const auto id = context.ws_open(open);
    if (!id) pass_on(id.error());
    state_ = State{};
    state_.connection = id->value;
    state_.url = open.url;
    state_.status = "opening";
    for (const std::string& symbol : symbols) state_.symbols[symbol];
    return json::serialize(json::object{{"connection", id->value}});
  }

  Bytes close(CanisterContext& context, BytesView arguments) {
    parse_arguments(arguments, {});
    const auto closed = context.ws_close(ConnectionId(state_.connection), 1000, "");
    if (!closed) pass_on(closed.error());
    return "{}";
  }

  void keep(const DataEntry& entry) {
    ++state_.messages;
    auto message = parse_feed_message(entry.content);
    if (!message) {
      ++state_.unparsed;
      return;
    }
    count(message->method.empty() ? "reply" : message->method);
    const auto found = state_.symbols.find(message->symbol);
    if (found == state_.symbols.end()) return;
    ++found->second.messages;
    std::visit(Keep{found->second}, message->what);
  }

  // A book that lacks updates is right again only with a new snapshot: subscribes once more, but not too
  // often. Refused because the outbox is full: the next call tries again.
  void rebuild(CanisterContext& context) {
    const auto live = [](const auto& symbol) { return symbol.second.book.live(); };
    state_.snapshots_wanted = state_.snapshots_wanted && !std::ranges::all_of(state_.symbols, live);
    const bool soon =
        state_.resubscriptions > 0 && state_.last_time_ms - state_.resubscribed_ms < kResubscribeEveryMs;
    if (!state_.snapshots_wanted || soon) return;
    if (!context.ws_resubscribe(ConnectionId(state_.connection))) return;
    state_.resubscribed_ms = state_.last_time_ms;
    ++state_.resubscriptions;
  }

  void count(const std::string& method) {
    const bool known = state_.methods.contains(method);
    ++state_.methods[known || state_.methods.size() < kMethodsMax ? method : "other"];
  }

  // A gap names its key by its hash. Of a key that is none of ours nothing is known, so every book may lack
  // something.
  void note_gap(const DataEntry& entry) {
    state_.missing += entry.gap_count;
    for (auto& [name, symbol] : state_.symbols) {
      if (is_one_of(entry.key, kBookMethods, name)) {
        state_.snapshots_wanted = true;
        return symbol.book.gap();
      }
      if (is_one_of(entry.key, kOtherMethods, name)) return;
    }
    state_.snapshots_wanted = true;
    for (auto& [name, symbol] : state_.symbols) symbol.book.gap();
  }

  Bytes symbol(BytesView arguments) const {
    const json::object in = parse_arguments(arguments, {"symbol"});
    const std::string name = required_text(in, "symbol");
    const auto found = state_.symbols.find(name);
    if (found == state_.symbols.end()) throw ArgumentError("not subscribed to \"" + name + "\"");
    json::object out;
    out["symbol"] = name;
    for (auto& [key, value] : describe(found->second)) out[key] = value;
    return json::serialize(out);
  }

  Bytes summary(BytesView arguments) const {
    parse_arguments(arguments, {});
    json::object methods;
    for (const auto& [name, count] : state_.methods) methods[name] = count;
    json::object symbols;
    for (const auto& [name, symbol] : state_.symbols) symbols[name] = describe(symbol);
    json::object out;
    out["connection"] = state_.connection;
    out["url"] = state_.url;
    out["state"] = state_.status;
    out["epoch"] = state_.epoch;
    out["messages"] = state_.messages;
    out["missing"] = state_.missing;
    out["unparsed"] = state_.unparsed;
    out["last_time_ms"] = state_.last_time_ms;
    out["resubscriptions"] = state_.resubscriptions;
    if (!state_.close.empty()) out["last_close"] = state_.close;
    out["methods"] = std::move(methods);
    out["symbols"] = std::move(symbols);
    return json::serialize(out);
  }

  State state_;
};

}  // namespace

std::unique_ptr<replica::Canister> make_feed_canister() { return std::make_unique<FeedCanister>(); }

}  // namespace icws::examples
