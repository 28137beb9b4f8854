#include "examples/ticker/ticker_canister.h"

#include "tests/unit/examples/canister_fixture.h"

namespace icws::examples {
namespace {

class TickerCanisterTest : public CanisterFixture {
 protected:
  TickerCanisterTest() : CanisterFixture(&make_ticker_canister) {}
  void open() { call("open", R"({"url":"ws://x.test/","symbols":["ETHBTC","BTCUSD"]})"); }
  void reads(Bytes key, Bytes median, uint64_t skipped = 0) {
    replica::DataEntry entry;
    entry.kind = replica::DataEntry::Kind::Reading;
    entry.key = std::move(key);
    entry.content = std::move(median);
    entry.responses = 3;
    entry.members = 4;
    entry.skipped = skipped;
    canister().ws_data(context_,
                       {.connection = ConnectionId(1), .time = context_.time(), .entries = {entry}});
  }
};

TEST_F(TickerCanisterTest, AsksForTheMedianOfEachSymbol) {
  open();
  const replica::OpenArguments& arguments = context_.opened.at(0);
  EXPECT_EQ(arguments.mode, replica::Mode::Observations);
  EXPECT_EQ(arguments.observations->deliver, replica::Deliver::Median);
  EXPECT_EQ(arguments.observations->min_responses, 3u);
  EXPECT_EQ(arguments.transform.value_pointer, "/params/last");
  ASSERT_EQ(arguments.script.size(), 2u);
  EXPECT_EQ(arguments.script[1].content,
            R"({"id":2,"method":"subscribeTicker","params":{"symbol":"BTCUSD"}})");
}

TEST_F(TickerCanisterTest, KeepsTheNewestMedian) {
  open();
  server_opens();
  reads(R"(["ticker","ETHBTC"])", "0.1");
  reads(R"(["ticker","ETHBTC"])", "0.2", 5);
  reads(R"(["ticker","OTHER"])", "9");
  reads("no key", "9");
  restart();
  const auto prices = query("prices");
  EXPECT_EQ(prices.at("state"), "open");
  EXPECT_EQ(prices.at("skipped_intervals").to_number<uint64_t>(), 5u);
  ASSERT_EQ(prices.at("prices").as_object().size(), 1u);
  const auto& price = prices.at("prices").at("ETHBTC");
  EXPECT_EQ(price.at("median"), "0.2");
  EXPECT_EQ(price.at("readings").to_number<uint64_t>(), 2u);
}

TEST_F(TickerCanisterTest, ClosesAndRefuses) {
  EXPECT_NE(refusal_of("open", R"({"url":"ws://x.test/","symbols":[]})"), "");
  EXPECT_NE(refusal_of("other", "{}"), "");
  open();
  EXPECT_NE(refusal_of("open", R"({"url":"ws://x.test/","symbols":["A"]})"), "");
  call("close", "{}");
  EXPECT_EQ(context_.closed.size(), 1u);
  connection_ends(false);
  EXPECT_EQ(query("prices").at("state"), "closed");
}

}  // namespace
}  // namespace icws::examples
