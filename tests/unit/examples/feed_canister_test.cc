#include "examples/feed/feed_canister.h"

#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "agreement/observation.h"
#include "tests/unit/examples/canister_fixture.h"

namespace icws::examples {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

std::string book(std::string_view method, uint64_t sequence, std::string_view ask_size) {
  return R"({"jsonrpc":"2.0","method":")" + std::string(method) +
         R"(","params":{"ask":[{"price":"2.5","size":")" + std::string(ask_size) +
         R"("},{"price":"3","size":"1"}],"bid":[{"price":"1","size":"4"}],"sequence":)" +
         std::to_string(sequence) + R"(,"symbol":"AAABBB","timestamp":"t"}})";
}

// As the service names the key of a gap.
Bytes hash_of(std::string_view method, std::string_view symbol) {
  const Bytes key = "[\"" + std::string(method) + "\",\"" + std::string(symbol) + "\"]";
  const agreement::KeyHash hash = agreement::key_hash(key);
  return Bytes(reinterpret_cast<const char*>(hash.data()), hash.size());
}

class FeedCanister : public CanisterFixture {
 protected:
  FeedCanister() : CanisterFixture(make_feed_canister) {}

  void open() {
    call("open", R"({"url":"ws://host/","symbols":["AAABBB","CCCDDD"]})");
    server_opens();
  }
  boost::json::value top() { return query("symbol", R"({"symbol":"AAABBB"})").at("book"); }
};

TEST_F(FeedCanister, SubscribesByItsScript) {
  open();
  const replica::OpenArguments& arguments = context_.opened.at(0);
  EXPECT_EQ(arguments.mode, replica::Mode::Feed);
  EXPECT_TRUE(arguments.reconnect);
  EXPECT_EQ(arguments.transform.key_pointers, (std::vector<std::string>{"/method", "/params/symbol"}));
  ASSERT_THAT(arguments.script, SizeIs(8));
  EXPECT_EQ(arguments.script[0].content,
            R"({"method":"subscribeCandles","params":{"symbol":"AAABBB","period":"M1"},"id":"icws"})");
  EXPECT_EQ(arguments.script[7].content,
            R"({"method":"subscribeTicker","params":{"symbol":"CCCDDD"},"id":"icws"})");
}

TEST_F(FeedCanister, RefusesSymbolsThatItCannotSubscribeTo) {
  EXPECT_THAT(refusal_of("open", R"({"url":"ws://h/"})"), HasSubstr("1 to 64"));
  EXPECT_THAT(refusal_of("open", R"({"url":"ws://h/","symbols":["A","A"]})"), HasSubstr("twice"));
  EXPECT_THAT(refusal_of("open", R"({"url":"ws://h/","symbols":["A\"B"]})"), HasSubstr("not a symbol"));
  open();
  EXPECT_THAT(refusal_of("open", R"({"url":"ws://h/","symbols":["A"]})"), HasSubstr("close it first"));
}

TEST_F(FeedCanister, KeepsTickerTradeAndBook) {
  open();
  server_says(
      R"({"method":"ticker","params":{"ask":"2","bid":"1","last":"1.5","volume":"9","symbol":"AAABBB"}})");
  server_says(R"({"method":"updateTrades","params":{"data":[
      {"id":7,"price":"1.50","quantity":"2","side":"buy","timestamp":"t"},
      {"id":8,"price":"1.60","quantity":"3","side":"sell","timestamp":"u"}],"symbol":"AAABBB"}})");
  server_says(book("snapshotOrderbook", 5, "1"));
  server_says(book("updateOrderbook", 6, "0"));
  const auto symbol = query("symbol", R"({"symbol":"AAABBB"})");
  EXPECT_EQ(symbol.at("ticker").at("last"), "1.5");
  EXPECT_EQ(symbol.at("last_trade").at("price"), "1.60");
  EXPECT_EQ(symbol.at("book").at("best_ask").at("price"), "3");
  EXPECT_EQ(symbol.at("book").at("best_bid").at("price"), "1");
  EXPECT_TRUE(symbol.at("book").at("live").as_bool());
  EXPECT_EQ(query("summary").at("methods").at("ticker").to_number<uint64_t>(), 1u);
}

TEST_F(FeedCanister, MarksTheBookOfAGapStale) {
  open();
  server_says(book("snapshotOrderbook", 5, "1"));
  service_marks_gap(hash_of("ticker", "AAABBB"), 1);
  EXPECT_TRUE(top().at("live").as_bool());
  service_marks_gap(hash_of("updateOrderbook", "AAABBB"), 2);
  EXPECT_FALSE(top().at("live").as_bool());
  EXPECT_EQ(query("summary").at("missing").to_number<uint64_t>(), 3u);
  server_says(book("snapshotOrderbook", 8, "1"));
  EXPECT_TRUE(top().at("live").as_bool());
}

TEST_F(FeedCanister, MarksEveryBookStaleWhenTheKeyIsUnknown) {
  open();
  server_says(book("snapshotOrderbook", 5, "1"));
  service_marks_gap("", 1);
  EXPECT_FALSE(top().at("live").as_bool());
}

TEST_F(FeedCanister, RebuildsABookAfterAGapBySubscribingAgain) {
  open();
  for (const char* symbol : {"AAABBB", "CCCDDD"}) {
    std::string snapshot = book("snapshotOrderbook", 5, "1");
    snapshot.replace(snapshot.find("AAABBB"), 6, symbol);
    server_says(snapshot);
  }
  service_marks_gap(hash_of("ticker", "AAABBB"), 1);
  EXPECT_EQ(context_.resubscribed, 0u);
  // The outbox is full: the next call tries again.
  context_.refusal = replica::Reject{replica::RejectCode::QueueFull, "full"};
  service_marks_gap(hash_of("updateOrderbook", "AAABBB"), 2);
  context_.refusal.reset();
  server_says("{}");
  EXPECT_EQ(context_.resubscribed, 1u);
  // Not more often than every ten seconds.
  service_marks_gap(hash_of("updateOrderbook", "AAABBB"), 2);
  context_.now += Milliseconds(9'999);
  server_says("{}");
  EXPECT_EQ(context_.resubscribed, 1u);
  restart();
  context_.now += Milliseconds(1);
  server_says("{}");
  EXPECT_EQ(context_.resubscribed, 2u);
  server_says(book("snapshotOrderbook", 9, "1"));
  EXPECT_TRUE(top().at("live").as_bool());
  context_.now += Milliseconds(60'000);
  server_says("{}");
  EXPECT_EQ(context_.resubscribed, 2u);
  EXPECT_EQ(query("summary").at("resubscriptions").to_number<uint64_t>(), 2u);
}

TEST_F(FeedCanister, WaitsForNewSnapshotsAfterAReconnect) {
  open();
  server_says(book("snapshotOrderbook", 5, "1"));
  connection_ends(true);
  EXPECT_EQ(query("summary").at("state"), "waiting");
  EXPECT_FALSE(top().at("live").as_bool());
  server_opens(2);
  server_says(book("snapshotOrderbook", 2, "1"));
  EXPECT_TRUE(top().at("live").as_bool());
}

TEST_F(FeedCanister, CountsWhatItDoesNotUnderstandAndGoesOn) {
  open();
  for (const char* text :
       {"", "not json", "[]", "{}", R"({"method":"ticker"})", R"({"method":"ticker","params":{"symbol":7}})",
        R"({"method":"updateOrderbook","params":{"symbol":"AAABBB","sequence":-1}})",
        R"({"method":"updateTrades","params":{"symbol":"AAABBB","data":[{"id":1}]}})"}) {
    server_says(text);
  }
  EXPECT_EQ(query("summary").at("unparsed").to_number<uint64_t>(), 8u);
  server_says(book("snapshotOrderbook", 5, "1"));
  EXPECT_TRUE(top().at("live").as_bool());
}

TEST_F(FeedCanister, SurvivesSaveAndLoad) {
  open();
  server_says(book("snapshotOrderbook", 5, "1"));
  server_says(book("updateOrderbook", 7, "1"));
  const auto before = query("summary");
  restart();
  EXPECT_EQ(query("summary"), before);
  EXPECT_THROW(canister().load("nonsense"), std::runtime_error);
}

// What a recorded client received, and the symbols that it subscribed to in their order.
struct Recording {
  std::vector<std::string> received;
  std::vector<std::string> symbols;
};

std::optional<Recording> find_recording() {
  const char* chosen = std::getenv("ICWS_CAPTURES");
  const char* source = std::getenv("ICWS_SOURCE");
  const std::filesystem::path folder =
      chosen != nullptr ? chosen
                        : std::filesystem::path(source != nullptr ? source : ".") / "../shared/feeds";
  std::ifstream file(folder / "hitbtc-1.capture");
  if (!file) return std::nullopt;
  Recording out;
  std::set<std::string> known;
  for (std::string line; std::getline(file, line);) {
    const size_t text = line.find(": ");
    if (text == std::string::npos) continue;
    if (!line.starts_with("wss://")) {
      out.received.push_back(line.substr(text + 2));
      continue;
    }
    const auto request = boost::json::parse(line.substr(text + 2));
    std::string symbol(request.at("params").at("symbol").as_string());
    if (known.insert(symbol).second) out.symbols.push_back(std::move(symbol));
  }
  return out;
}

TEST_F(FeedCanister, UnderstandsARecordedFeed) {
  const auto recording = find_recording();
  if (!recording)
    GTEST_SKIP() << "no recordings here (set ICWS_CAPTURES): synthetic messages cover the canister";
  ASSERT_THAT(recording->symbols, SizeIs(10));
  const boost::json::array symbols(recording->symbols.begin(), recording->symbols.end());
  call("open", boost::json::serialize(boost::json::object{{"url", "ws://host/"}, {"symbols", symbols}}));
  server_opens();
  ASSERT_THAT(context_.opened.at(0).script, SizeIs(40));
  for (const std::string& text : recording->received) server_says(text);
  const auto summary = query("summary");
  EXPECT_EQ(summary.at("messages").to_number<uint64_t>(), 800u);
  EXPECT_EQ(summary.at("unparsed").to_number<uint64_t>(), 0u);
  EXPECT_EQ(summary.at("methods").at("updateOrderbook").to_number<uint64_t>(), 517u);
  for (const auto& symbol : summary.at("symbols").as_object()) {
    EXPECT_TRUE(symbol.value().at("book").at("live").as_bool()) << symbol.key();
  }
  restart();
}

}  // namespace
}  // namespace icws::examples
