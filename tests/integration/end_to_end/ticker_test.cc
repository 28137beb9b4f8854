// The recorded streams of one exchange, another one to each replica: the median of what each said last,
// exactly. Without the recordings the synthetic exchange stands in.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "base/decimal.h"
#include "tests/integration/end_to_end/expected_feed.h"
#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/replay_server.h"

namespace icws {
namespace {

namespace json = boost::json;

using Prices = std::map<std::string, std::vector<Decimal>>;

// Of each stream the last price of each symbol.
Prices last_prices(const std::vector<support::RecordedStream>& streams) {
  Prices out;
  for (const auto& stream : streams) {
    std::map<std::string, Decimal> last;
    for (const auto& [at_us, text] : stream.messages) {
      boost::system::error_code failed;
      const json::value message = json::parse(text, failed);
      if (failed || !message.is_object()) continue;
      const json::value* method = message.get_object().if_contains("method");
      if (method == nullptr || *method != "ticker") continue;
      const json::object& params = message.at("params").as_object();
      last[std::string(params.at("symbol").as_string())] =
          Decimal::parse(std::string(params.at("last").as_string())).value();
    }
    for (const auto& [symbol, price] : last) out[symbol].push_back(price);
  }
  return out;
}

TEST(TickerTest, GivesTheExactMedianOfWhatEachConnectionSaidLast) {
  const support::Feed feed = support::load_feed();
  const Prices prices = last_prices(feed.streams);
  ASSERT_FALSE(prices.empty());
  support::ReplayOptions options;
  options.subscriptions_expected = prices.size();
  support::ReplayServer server(feed.streams, options);
  support::Subnet subnet({"--canisters", "echo,ticker"});
  json::object arguments{{"url", server.url()}, {"interval_ms", 200}};
  json::array symbols;
  for (const auto& [symbol, values] : prices) symbols.emplace_back(symbol);
  arguments["symbols"] = symbols;
  const auto reply = json::parse(subnet.call("ticker", "open", json::serialize(arguments)));
  const auto id = reply.at("connection").to_number<uint64_t>();
  ASSERT_TRUE(subnet.wait_for(id, [](const auto& view) { return view.state() == "open"; }));
  size_t longest = 0;
  for (const auto& stream : feed.streams) longest = std::max(longest, stream.messages.size());
  ASSERT_TRUE(server.wait_served(4, longest));
  // Two more readings of every key rest on the last values alone.
  const uint64_t entries = subnet.connection(0, id)->entries();
  ASSERT_TRUE(
      subnet.wait_for(id, [&](const auto& view) { return view.entries() > entries + 3 * prices.size(); }));

  const auto now = json::parse(subnet.query("ticker", "prices", "{}", 3));
  size_t compared = 0;
  for (auto [symbol, values] : prices) {
    if (values.size() < 3) continue;
    std::ranges::sort(values);
    const json::object& read = now.at("prices").at(symbol).as_object();
    EXPECT_EQ(std::string(read.at("median").as_string()), values[(values.size() - 1) / 2].text()) << symbol;
    EXPECT_EQ(read.at("responses").to_number<size_t>(), values.size()) << symbol;
    ++compared;
  }
  EXPECT_GT(compared, 0u);
  std::cout << feed.origin << ": " << compared << " symbols compared\n";
}

}  // namespace
}  // namespace icws
