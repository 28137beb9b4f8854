// The recorded streams of one exchange, another one to each replica, through real replicas and adapters: what
// reaches the transcript, and in which order. Without the recordings the synthetic exchange stands in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <boost/json.hpp>
#include <iostream>

#include "tests/integration/end_to_end/expected_feed.h"
#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/exchange_model.h"
#include "tests/support/replay_server.h"

namespace icws {
namespace {

using support::FeedItems;
using support::FeedOrder;
using testing::IsEmpty;

constexpr size_t kQuorum = 3;
// Of the 800 messages of each recorded stream.
constexpr size_t kRecordedAgreed = 799;

const auto kOpen = [](const auto& view) { return view.state() == "open"; };

class FeedTest : public testing::Test {
 protected:
  void SetUp() override { use(support::load_feed()); }
  void use(support::Feed feed) {
    std::cout << "feed: " << feed.origin << "\n";
    feed_ = std::move(feed);
    orders_.clear();
    for (const auto& stream : feed_.streams) orders_.push_back(support::order_of(stream));
  }
  void serve(support::ReplayOptions options = {}) {
    server_ = std::make_unique<support::ReplayServer>(feed_.streams, std::move(options));
  }
  void begin_subnet(std::vector<std::string> flags = {}) {
    subnet_ = std::make_unique<support::Subnet>(std::move(flags));
  }
  void open_feed(const std::vector<size_t>& replicas = {0, 1, 2, 3}) {
    boost::json::object arguments{{"url", server_->url()}};
    arguments["symbols"] = boost::json::value_from(support::symbols_of(feed_.streams[0]));
    const std::string reply = subnet_->call("feed", "open", boost::json::serialize(arguments));
    id_ = boost::json::parse(reply).at("connection").to_number<uint64_t>();
    ASSERT_TRUE(subnet_->wait_for(id_, kOpen, replicas));
  }
  // For a failure's message: how far everybody is, and what is missing.
  std::string state() {
    std::string out;
    for (size_t i = 0; i < support::Subnet::kReplicas; ++i) {
      if (const auto view = subnet_->connection(i, id_)) out += view->ShortDebugString() + "\n";
    }
    for (const auto& [slot, next] : server_->progress().get().next) {
      out += "stream " + std::to_string(slot) + " served up to " + std::to_string(next) + "\n";
    }
    const FeedItems agreed = support::items_of(support::order_of(subnet_->transcript(0, id_)));
    for (const auto& item : support::missing_from(agreed, support::seen_by(kQuorum, orders_))) {
      out += "missing: " + item + "\n";
    }
    return out;
  }
  bool wait_for_messages(size_t count, const std::vector<size_t>& replicas = {0, 1, 2, 3}) {
    return subnet_->wait_for(id_, [&](const auto& view) { return view.messages() >= count; }, replicas);
  }
  // Nothing is left that could still be agreed: what had no quorum has been given up.
  bool wait_settled(const std::vector<size_t>& replicas = {0, 1, 2, 3}) {
    return subnet_->wait_for(id_, [](const auto& view) { return view.unsettled() == 0; }, replicas);
  }
  // Compares heads, then each transcript with the streams: nothing twice, all of `least`, nothing beyond
  // `most`, and in the order that every stream has.
  void expect_transcript(const FeedItems& least, const FeedItems& most,
                         const std::vector<size_t>& replicas = {0, 1, 2, 3}) {
    const auto heads = subnet_->heads(id_, replicas);
    ASSERT_EQ(heads.size(), 1u) << testing::PrintToString(heads);
    const FeedOrder agreed = support::order_of(subnet_->transcript(replicas.back(), id_));
    const FeedItems items = support::items_of(agreed);
    EXPECT_THAT(support::missing_from(items, least), IsEmpty()) << "lost";
    EXPECT_THAT(support::missing_from(most, items), IsEmpty()) << "twice, or of no quorum";
    for (size_t i = 0; i < orders_.size(); ++i) {
      EXPECT_THAT(support::keys_out_of_order(agreed, orders_[i]), IsEmpty())
          << "other order than stream " << i;
    }
  }

  support::Feed feed_;
  std::vector<FeedOrder> orders_;
  std::unique_ptr<support::ReplayServer> server_;
  std::unique_ptr<support::Subnet> subnet_;
  uint64_t id_ = 0;
};

TEST_F(FeedTest, AllThatAQuorumSawOnceAndInTheOrderOfEveryConnection) {
  const FeedItems expected = support::seen_by(kQuorum, orders_);
  if (feed_.recorded) {
    ASSERT_EQ(support::count_of(expected), kRecordedAgreed);
  }
  serve();
  begin_subnet();
  open_feed();
  ASSERT_TRUE(wait_for_messages(support::count_of(expected))) << state();
  ASSERT_TRUE(wait_settled());
  expect_transcript(expected, expected);
  const auto summary = boost::json::parse(subnet_->query("feed", "summary", "{}", 2));
  EXPECT_EQ(summary.at("messages").to_number<size_t>(), support::count_of(expected));
  EXPECT_EQ(summary.at("unparsed").to_number<size_t>(), 0u);
}

TEST_F(FeedTest, ABurstLargerThanAReportIsAgreedAllTheSame) {
  support::ExchangeOptions burst;
  burst.updates = 5'000;
  use({support::ExchangeModel(burst).streams(4), false, "a synthetic burst"});
  const FeedItems expected = support::seen_by(kQuorum, orders_);
  serve();
  begin_subnet();
  open_feed();
  ASSERT_TRUE(wait_for_messages(support::count_of(expected))) << state();
  ASSERT_TRUE(wait_settled()) << state();
  expect_transcript(expected, expected);
}

TEST_F(FeedTest, ThreeOfFourAgreeOnWhatTheyAllSaw) {
  serve();
  begin_subnet({"--no-restart"});
  const std::vector<size_t> alive = {0, 1, 2};
  ::kill(subnet_->replica_pid(3), SIGKILL);
  open_feed(alive);
  // The lowest slots were free, so these are the streams.
  const FeedItems expected = support::seen_by(kQuorum, {orders_[0], orders_[1], orders_[2]});
  ASSERT_TRUE(wait_for_messages(support::count_of(expected), alive)) << state();
  ASSERT_TRUE(wait_settled(alive));
  EXPECT_EQ(server_->progress().get().accepted, alive.size());
  expect_transcript(expected, expected, alive);
}

TEST_F(FeedTest, AReplicaThatIsKilledLosesNothingAndRepeatsNothing) {
  support::ReplayOptions options;
  options.hold_at = 300;
  serve(options);
  begin_subnet();
  open_feed();
  ASSERT_TRUE(server_->wait_served(4, 300));
  server_->advance_to(550);
  const pid_t before = subnet_->replica_pid(1);
  ::kill(before, SIGKILL);
  ASSERT_TRUE(server_->wait_served(4, 550)) << "its adapter goes on reading";
  subnet_->replica_pid(1, before);
  server_->advance_to(SIZE_MAX);
  const FeedItems least = support::seen_by(4, orders_);
  ASSERT_TRUE(wait_for_messages(support::count_of(least))) << state();
  ASSERT_TRUE(wait_settled());
  expect_transcript(least, support::seen_by(kQuorum, orders_));
  EXPECT_EQ(server_->progress().get().accepted, 4u) << "the adapter kept its socket";
}

TEST_F(FeedTest, AnAdapterThatIsKilledRejoinsWhileTheOthersGoOn) {
  support::ReplayOptions options;
  options.from_now = true;
  options.hold_at = 300;
  serve(options);
  begin_subnet();
  open_feed();
  ASSERT_TRUE(server_->wait_served(4, 300));
  const pid_t before = subnet_->adapter_pid(2);
  ::kill(before, SIGKILL);
  server_->advance_to(500);
  ASSERT_TRUE(wait_for_messages(400)) << "three of four go on";
  subnet_->adapter_pid(2, before);
  ASSERT_TRUE(server_->progress().wait_until([](const auto& progress) { return progress.accepted == 5; }));
  const auto live = [](const auto& view) { return view.socket() == "live"; };
  ASSERT_TRUE(subnet_->wait_for(id_, live, {2}));
  server_->advance_to(SIZE_MAX);
  const FeedItems least = support::seen_by(4, orders_);
  ASSERT_TRUE(wait_for_messages(support::count_of(least))) << state();
  ASSERT_TRUE(wait_settled());
  expect_transcript(least, support::seen_by(kQuorum, orders_));
  EXPECT_TRUE(subnet_->wait_for(id_, kOpen)) << "never closed";
  EXPECT_TRUE(subnet_->wait_for(id_, [](const auto& view) { return view.epoch() == 1; }));
}

}  // namespace
}  // namespace icws
