// The server's process is killed while its messages flow, and comes back on its port.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/integration/end_to_end/expected_feed.h"
#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/exchange_model.h"
#include "tests/support/reserved_port.h"

namespace icws {
namespace {

using Entries = std::vector<replica::v1::TranscriptEntry>;

constexpr size_t kQuorum = 3;
constexpr uint64_t kSeed = 7;
// So many are agreed before the server dies; the streams have ten times as many.
constexpr size_t kBeforeTheKill = 100;

class ServerKillTest : public testing::Test {
 protected:
  std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_.number()) + "/"; }
  // Several times recorded speed: messages are under way at any moment.
  void start_server(const std::vector<std::string>& more = {}) {
    support::ChildOptions options;
    options.program = support::built_program("icws-exchange");
    options.arguments = {
        "--synthetic", std::to_string(kSeed), "--port", std::to_string(port_.number()), "--speed", "4"};
    options.arguments.insert(options.arguments.end(), more.begin(), more.end());
    server_ = std::make_unique<support::ChildProcess>(std::move(options));
    ASSERT_TRUE(support::wait_for_port(*server_));
  }
  void kill_server() {
    server_->kill(SIGKILL);
    ASSERT_TRUE(server_->wait_exit());
  }
  bool wait_for_messages(uint64_t id, uint64_t count) {
    return subnet_.wait_for(id, [&](const auto& view) { return view.messages() >= count; });
  }
  // As far as all replicas have it; they must have the same.
  Entries common_transcript(uint64_t id) {
    Entries common = subnet_.transcript(0, id);
    for (size_t i = 1; i < support::Subnet::kReplicas; ++i) {
      const Entries other = subnet_.transcript(i, id);
      if (other.size() < common.size()) common.resize(other.size());
      for (size_t at = 0; at < common.size(); ++at) {
        EXPECT_EQ(common[at].SerializeAsString(), other[at].SerializeAsString()) << "entry " << at;
      }
    }
    return common;
  }

  const support::ReservedPort port_;
  std::unique_ptr<support::ChildProcess> server_;
  support::Subnet subnet_;
};

TEST_F(ServerKillTest, WithoutReconnectItIsAnAgreedClose) {
  start_server({"--subscriptions", "0"});
  const uint64_t id =
      subnet_.open_echo(url(), R"(, "mode": "feed", "json": true, "drop": ["/id"], "reconnect": false)");
  ASSERT_TRUE(wait_for_messages(id, kBeforeTheKill));
  kill_server();
  ASSERT_TRUE(subnet_.wait_for(id, [](const auto& view) { return view.state() == "closed"; }));
  EXPECT_EQ(subnet_.heads(id).size(), 1u);
  const Entries entries = common_transcript(id);
  ASSERT_TRUE(entries.back().has_closed());
  EXPECT_EQ(entries.back().closed().cause(), "CONNECTION");
  EXPECT_EQ(entries.back().closed().code(), 1006u);
  EXPECT_FALSE(entries.back().closed().reconnecting());
}

TEST_F(ServerKillTest, WithReconnectTheNextEpochGoesOnWithANewServer) {
  support::ExchangeOptions model;
  model.seed = kSeed;
  const auto streams = support::ExchangeModel(model).streams(support::Subnet::kReplicas);
  start_server();
  boost::json::object arguments{{"url", url()}};
  arguments["symbols"] = boost::json::value_from(support::symbols_of(streams[0]));
  const std::string reply = subnet_.call("feed", "open", boost::json::serialize(arguments));
  const auto id = boost::json::parse(reply).at("connection").to_number<uint64_t>();
  ASSERT_TRUE(wait_for_messages(id, kBeforeTheKill));
  kill_server();
  ASSERT_TRUE(subnet_.wait_for(id, [](const auto& view) { return view.state() == "waiting"; }));
  start_server();
  // An attempt while nobody listened may have used up an epoch.
  ASSERT_TRUE(
      subnet_.wait_for(id, [](const auto& view) { return view.epoch() >= 2 && view.state() == "open"; }));
  const auto before = subnet_.connection(0, id);
  ASSERT_TRUE(before);
  ASSERT_TRUE(wait_for_messages(id, before->messages() + kBeforeTheKill));

  const Entries entries = common_transcript(id);
  Entries first_epoch;
  for (const auto& entry : entries) {
    if (entry.epoch() == 1) first_epoch.push_back(entry);
  }
  ASSERT_TRUE(first_epoch.back().has_closed());
  EXPECT_EQ(first_epoch.back().closed().code(), 1006u);
  EXPECT_TRUE(first_epoch.back().closed().reconnecting());
  // Nothing twice, nothing that no quorum can have seen, and in the order of every connection.
  std::vector<support::FeedOrder> orders;
  for (const auto& stream : streams) orders.push_back(support::order_of(stream));
  const auto agreed = support::order_of(first_epoch);
  EXPECT_THAT(support::missing_from(support::seen_by(kQuorum, orders), support::items_of(agreed)),
              testing::IsEmpty());
  for (const auto& order : orders) {
    EXPECT_THAT(support::keys_out_of_order(agreed, order), testing::IsEmpty());
  }
}

}  // namespace
}  // namespace icws
