// A canister that traps: its entries are consumed, its connection ends after ten traps in a row, and nobody
// else notices.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/integration/end_to_end/expected_feed.h"
#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/exchange_model.h"
#include "tests/support/replay_server.h"

namespace icws {
namespace {

// ClusterParams::traps_in_a_row_max.
constexpr size_t kTrapsInARowMax = 10;

const auto kOpen = [](const auto& view) { return view.state() == "open"; };
const auto kClosed = [](const auto& view) { return view.state() == "closed"; };

support::ExchangeOptions small_exchange() {
  support::ExchangeOptions out;
  out.symbols = 2;
  out.updates = 200;
  return out;
}

support::ReplayOptions held_at(size_t count) {
  support::ReplayOptions out;
  out.hold_at = count;
  return out;
}

class TrapTest : public testing::Test {
 protected:
  void SetUp() override { id_ = subnet_.open_echo_everywhere(server_.url()); }
  void trap(bool enabled) {
    subnet_.call("echo", "trap_on_data", enabled ? R"({"enabled": true})" : R"({"enabled": false})");
  }
  // Pushes one message and waits until it is agreed, so that each is a call of its own.
  void push_one_by_one(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      server_.push("message " + std::to_string(++pushed_));
      ASSERT_TRUE(subnet_.wait_for(id_, [&](const auto& view) { return view.messages() == pushed_; }));
    }
  }
  size_t answers() {
    return boost::json::parse(subnet_.query("echo", "answers", "{}")).at("count").to_number<size_t>();
  }
  uint64_t traps(size_t replica) {
    const auto status = subnet_.replica(replica).status(Milliseconds(2'000));
    return status ? status->traps() : 0;
  }

  support::EchoServer server_;
  support::Subnet subnet_;
  uint64_t id_ = 0;
  size_t pushed_ = 0;
};

TEST_F(TrapTest, TenInARowEndTheConnectionAndAnotherCanistersGoesOn) {
  const support::ExchangeModel exchange(small_exchange());
  const auto streams = exchange.streams(4);
  support::ReplayServer feed(streams, held_at(50));
  boost::json::object arguments{{"url", feed.url()}};
  arguments["symbols"] = boost::json::value_from(support::symbols_of(streams[0]));
  const std::string opened = subnet_.call("feed", "open", boost::json::serialize(arguments));
  const uint64_t other = boost::json::parse(opened).at("connection").to_number<uint64_t>();
  ASSERT_TRUE(subnet_.wait_for(other, [](const auto& view) { return view.messages() >= 50; }));

  trap(true);
  push_one_by_one(kTrapsInARowMax - 1);
  EXPECT_TRUE(subnet_.wait_for(id_, kOpen)) << "nine are not ten";
  feed.advance_to(100);
  push_one_by_one(1);
  ASSERT_TRUE(subnet_.wait_for(id_, kClosed));
  EXPECT_EQ(subnet_.heads(id_).size(), 1u);
  const auto transcript = subnet_.transcript(3, id_);
  EXPECT_EQ(transcript.size(), 1 + kTrapsInARowMax + 1) << "opened, ten messages, closed";
  EXPECT_EQ(transcript.back().closed().cause(), "CANISTER");
  EXPECT_EQ(transcript.back().closed().reason(), "the canister trapped too often");
  for (size_t i = 0; i < support::Subnet::kReplicas; ++i) EXPECT_EQ(traps(i), kTrapsInARowMax);
  EXPECT_TRUE(server_.progress().wait_until([](const auto& progress) { return progress.open == 0; }));

  feed.advance_to(SIZE_MAX);
  const size_t all = streams[0].messages.size();
  EXPECT_TRUE(subnet_.wait_for(other, [&](const auto& view) { return view.messages() == all; }));
  EXPECT_EQ(subnet_.heads(other).size(), 1u);
}

TEST_F(TrapTest, AnEntryIsConsumedAndAGoodCallBeginsTheCountAnew) {
  trap(true);
  push_one_by_one(kTrapsInARowMax - 1);
  EXPECT_EQ(answers(), 0u);
  trap(false);
  push_one_by_one(1);
  EXPECT_EQ(answers(), 1u) << "what trapped is not delivered again";
  trap(true);
  push_one_by_one(kTrapsInARowMax - 1);
  EXPECT_TRUE(subnet_.wait_for(id_, kOpen));
  trap(false);
  subnet_.send_echo(id_, "still here");
  EXPECT_TRUE(subnet_.wait_for(id_, [&](const auto& view) { return view.messages() == pushed_ + 1; }));
  EXPECT_EQ(answers(), 2u);
  EXPECT_EQ(subnet_.heads(id_).size(), 1u);
}

}  // namespace
}  // namespace icws
