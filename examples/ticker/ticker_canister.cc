#include "examples/ticker/ticker_canister.h"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <stdexcept>

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

// One subscription each; a reading of all of them stays small.
constexpr size_t kSymbolsMax = 64;
// Of four nodes, the fewest whose median f = 1 liar cannot move.
constexpr uint64_t kResponses = 3;
constexpr uint64_t kIntervalMs = 1'000;
constexpr uint64_t kAgeMaxMs = 60'000;

struct Price {
  std::string median;
  uint32_t responses = 0;
  uint32_t members = 0;
  uint64_t readings = 0;
  uint64_t last_time_ms = 0;  // block time, since the Unix epoch
  static void fields(auto& archive, auto& self) {
    archive(self.median, self.responses, self.members, self.readings, self.last_time_ms);
  }
};

struct State {
  // The newest one; only its calls count.
  uint64_t connection = 0;
  std::string url;
  std::string status = "none";
  std::string close;  // how it ended last, for people
  uint64_t skipped = 0;
  std::map<std::string, Price> prices;
  static void fields(auto& archive, auto& self) {
    archive(self.connection, self.url, self.status, self.close, self.skipped, self.prices);
  }
};

OpenArguments open_arguments(const json::object& in) {
  OpenArguments out;
  out.url = required_text(in, "url");
  out.mode = replica::Mode::Observations;
  out.transform.json = true;
  out.transform.key_pointers = {"/method", "/params/symbol"};
  out.transform.value_pointer = "/params/last";
  replica::ObservationsSettings settings;
  settings.deliver = replica::Deliver::Median;
  settings.min_responses =
      static_cast<uint32_t>(std::min<uint64_t>(optional_number(in, "min_responses", kResponses), UINT32_MAX));
  const auto milliseconds = [&](const char* name, uint64_t fallback) {
    // Far above every bound that ws_open checks.
    return Milliseconds(
        static_cast<int64_t>(std::min<uint64_t>(optional_number(in, name, fallback), 1'000'000'000)));
  };
  settings.interval = milliseconds("interval_ms", kIntervalMs);
  settings.age_max = milliseconds("age_max_ms", kAgeMaxMs);
  out.observations = settings;
  const std::vector<std::string> symbols = text_list(in, "symbols");
  if (symbols.empty() || symbols.size() > kSymbolsMax) {
    throw ArgumentError("argument \"symbols\" must list 1 to 64 symbols");
  }
  for (const std::string& symbol : symbols) {
    const json::object subscription{{"id", out.script.size() + 1},
                                    {"method", "subscribeTicker"},
                                    {"params", json::object{{"symbol", symbol}}}};
    out.script.push_back({replica::MessageKind::Text, json::serialize(subscription)});
  }
  out.reconnect = true;
  return out;
}

// The symbol in a key ["ticker","ETHBTC"].
std::string symbol_of(BytesView key) {
  boost::system::error_code failed;
  const json::value value = json::parse(key, failed);
  if (failed || !value.is_array() || value.get_array().size() != 2) return {};
  const json::value& symbol = value.get_array()[1];
  return symbol.is_string() ? std::string(symbol.get_string()) : std::string();
}

// What: see ticker_canister.h. Its whole state is one struct in canonical encoding.
class TickerCanister final : public replica::Canister {
 public:
  Bytes call(CanisterContext& context, std::string_view method, BytesView arguments) override {
    if (method == "open") return open(context, arguments);
    if (method == "close") return close(context, arguments);
    throw ArgumentError("there is no call \"" + std::string(method) + "\"; there are open, close");
  }

  void ws_opened(CanisterContext&, const OpenedCall& call) override {
    if (call.connection.value == state_.connection) state_.status = "open";
  }

  void ws_data(CanisterContext&, const DataCall& call) override {
    if (call.connection.value != state_.connection) return;
    for (const DataEntry& entry : call.entries) {
      if (entry.kind != DataEntry::Kind::Reading) continue;
      state_.skipped += entry.skipped;
      // A server may send of others, without end.
      const auto price = state_.prices.find(symbol_of(entry.key));
      if (price == state_.prices.end()) continue;
      price->second.median = entry.content;
      price->second.responses = entry.responses;
      price->second.members = entry.members;
      price->second.last_time_ms = static_cast<uint64_t>(call.time.time_since_epoch().count());
      ++price->second.readings;
    }
  }

  void ws_closed(CanisterContext&, const ClosedCall& call) override {
    if (call.connection.value != state_.connection) return;
    state_.status = call.reconnecting ? "waiting" : "closed";
    state_.close = std::string(transcript::cause_name(call.cause)) + ": " + call.message;
  }

  Bytes query(std::string_view method, BytesView arguments) const override {
    if (method == "prices") return prices(arguments);
    throw ArgumentError("there is no query \"" + std::string(method) + "\"; there is prices");
  }

  Bytes save() const override { return archive_encode(state_); }

  void load(BytesView bytes) override {
    auto state = archive_decode<State>(bytes);
    if (!state) throw std::runtime_error("not a state of the ticker canister");
    state_ = std::move(*state);
  }

 private:
  Bytes open(CanisterContext& context, BytesView arguments) {
    const json::object in =
        parse_arguments(arguments, {"url", "symbols", "min_responses", "interval_ms", "age_max_ms"});
    if (state_.status != "none" && state_.status != "closed") {
      throw ArgumentError("a ticker is open already; close it first");
    }
    const OpenArguments open = open_arguments(in);
    const auto id = context.ws_open(open);
    if (!id) pass_on(id.error());
    state_ = State{};
    state_.connection = id->value;
    state_.url = open.url;
    state_.status = "opening";
    for (const std::string& symbol : text_list(in, "symbols")) state_.prices[symbol];
    return json::serialize(json::object{{"connection", id->value}});
  }

  Bytes close(CanisterContext& context, BytesView arguments) {
    parse_arguments(arguments, {});
    const auto closed = context.ws_close(ConnectionId(state_.connection), 1000, "");
    if (!closed) pass_on(closed.error());
    return "{}";
  }

  Bytes prices(BytesView arguments) const {
    parse_arguments(arguments, {});
    json::object prices;
    for (const auto& [symbol, price] : state_.prices) {
      if (price.readings == 0) continue;
      prices[symbol] = json::object{{"median", price.median},
                                    {"responses", price.responses},
                                    {"members", price.members},
                                    {"readings", price.readings},
                                    {"time_ms", price.last_time_ms}};
    }
    json::object out{{"connection", state_.connection}, {"url", state_.url}, {"state", state_.status}};
    out["skipped_intervals"] = state_.skipped;
    if (!state_.close.empty()) out["last_close"] = state_.close;
    out["prices"] = std::move(prices);
    return json::serialize(out);
  }

  State state_;
};

}  // namespace

std::unique_ptr<replica::Canister> make_ticker_canister() { return std::make_unique<TickerCanister>(); }

}  // namespace icws::examples
