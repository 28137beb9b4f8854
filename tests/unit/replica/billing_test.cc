// Who pays what, when, and what happens to who cannot.
#include "replica/billing.h"

#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

// Prices that can be told apart in a sum; four members.
ClusterParams priced(Cycles balance) {
  ClusterParams params = test_params(4);
  params.initial_cycles = balance;
  params.price.open_per_node = 250'000;
  params.price.open_per_pair = 0;
  params.price.second_per_node = 250;
  params.price.byte_per_node = 25;
  params.price.byte_per_pair = 0;
  params.price.message_overhead_bytes = 10;
  params.price.send_byte_per_writer = 25;
  params.price.send_overhead_bytes = 10;
  params.price.time_prepaid = Milliseconds(10'000);
  return params;
}
// (250,000 and the last entry's 10 bytes) x 4, and 10 s.
constexpr Cycles kOpen = 1'001'000;
constexpr Cycles kStep = 10'000;
constexpr Cycles kByte = 100;

AccountReply account(Harness& subnet) {
  AccountReply out;
  subnet.call([&out](CanisterContext& context) {
    out = context.ws_account();
    return Bytes();
  });
  return out;
}

StatusReply status(Harness& subnet, ConnectionId id) {
  StatusReply out;
  subnet.call([&out, id](CanisterContext& context) {
    out = context.ws_status(id).value();
    return Bytes();
  });
  return out;
}

TEST(Billing, ChargesEveryThingOnceAndCountsItTwice) {
  Harness subnet(priced(10'000'000));
  const ConnectionId id = subnet.open(test_open(Mode::Ordered));
  EXPECT_EQ(account(subnet).balance, 10'000'000 - kOpen - kStep);
  subnet.all_open(id);
  subnet.until([&] { return subnet.view(id).state == "open"; });
  subnet.send(id, "12345");
  subnet.all_see(id, "1234567");
  subnet.until([&] { return subnet.count("1234567") == 1; });
  const Cycles expected = kOpen + kStep + (5 + 10) * kByte + (7 + 10) * kByte;
  EXPECT_EQ(account(subnet).balance, 10'000'000 - expected);
  const Usage usage = status(subnet, id).usage;
  EXPECT_EQ(usage, account(subnet).usage);
  EXPECT_EQ(usage.cycles, expected);
  EXPECT_EQ(usage.opens, 1u);
  EXPECT_EQ(usage.messages, 1u);
  EXPECT_EQ(usage.bytes, 7u);
  EXPECT_EQ(usage.sends, 4u);
  EXPECT_EQ(usage.send_bytes, 20u);
}

TEST(Billing, OpenTimeIsPaidInAdvanceAndTheRestComesBack) {
  Harness subnet(priced(10'000'000));
  const ConnectionId id = subnet.open(test_open(Mode::Feed));
  subnet.all_open(id);
  // The open itself took one block; each adds a tenth of a second.
  subnet.blocks(99);
  EXPECT_EQ(subnet.view(id).usage.open_time, Milliseconds(10'000));
  subnet.blocks(1);
  EXPECT_EQ(subnet.view(id).usage.open_time, Milliseconds(20'000));
  subnet.call([id](CanisterContext& context) {
    context.ws_close(id, 1000, "").value();
    return Bytes();
  });
  // 10.1 s; the reply to whoever asks in the closing call itself is not yet that.
  EXPECT_EQ(subnet.view(id).usage.open_time, Milliseconds(10'100));
  EXPECT_EQ(subnet.view(id).usage.cycles, kOpen + 10'100);
  subnet.blocks(200);
  EXPECT_EQ(account(subnet).balance, 10'000'000 - kOpen - 10'100);
}

TEST(Billing, AnOpenThatCannotBePaidIsRejectedAtTheEdge) {
  for (const Cycles missing : {Cycles(0), Cycles(1)}) {
    Harness subnet(priced(2 * (kOpen + kStep) - missing));
    const TransactionResult result = subnet.call([](CanisterContext& context) {
      context.ws_open(test_open(Mode::Feed)).value();
      const auto second = context.ws_open(test_open(Mode::Feed));
      if (second) return Bytes("ok");
      EXPECT_EQ(second.error().code, RejectCode::InsufficientCycles);
      return Bytes(second.error().message);
    });
    ASSERT_TRUE(result.ok);
    EXPECT_EQ(result.reply,
              missing == 0 ? "ok" : "this takes 1011000 cycles, the canister has 1010999; deposit some");
  }
}

TEST(Billing, ASendThatCannotBePaidIsRejectedAndNothingEnds) {
  Harness subnet(priced(kOpen + kStep + 15 * kByte));
  const ConnectionId id = subnet.open(test_open(Mode::Feed));
  const TransactionResult result = subnet.call([id](CanisterContext& context) {
    EXPECT_TRUE(context.ws_data(id, MessageKind::Text, "12345"));
    EXPECT_EQ(context.ws_account().balance, 0u);
    EXPECT_EQ(context.ws_data(id, MessageKind::Text, "").error().code, RejectCode::InsufficientCycles);
    return Bytes();
  });
  EXPECT_TRUE(result.ok) << result.reply;
  EXPECT_EQ(account(subnet).balance, 0u);
  EXPECT_EQ(subnet.view(id).state, "opening");
}

// The canister gets what it could pay for, then the end; its cause says why, and it costs nothing more.
TEST(Billing, WhoRunsOutGetsWhatWasPaidAndTheEnd) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet(priced(kOpen + kStep + 2 * 12 * kByte));
    OpenArguments arguments = test_open(mode);
    arguments.reconnect = true;
    const ConnectionId id = subnet.opened(arguments);
    for (const char* text : {"m1", "m2", "m3", "m4"}) subnet.all_see(id, text);
    subnet.until([&] { return subnet.view(id).state == "closed"; });
    subnet.blocks(2);
    EXPECT_EQ(subnet.count("m2"), 1u);
    EXPECT_EQ(subnet.count("m3"), 0u);
    EXPECT_EQ(subnet.count("1000 OUT_OF_CYCLES\n"), 1u) << subnet.log();
    // What was left of the time.
    EXPECT_GT(account(subnet).balance, 0u);
    EXPECT_LT(account(subnet).balance, kStep);
  }
}

TEST(Billing, OpenTimeThatCannotBePaidEndsTheConnection) {
  Harness subnet(priced(kOpen + 2 * kStep));
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.blocks(190);
  EXPECT_EQ(subnet.view(id).state, "open");
  subnet.blocks(15);
  EXPECT_EQ(subnet.view(id).state, "closed");
  EXPECT_EQ(subnet.view(id).cause, transcript::Cause::OutOfCycles);
  EXPECT_EQ(subnet.count("OUT_OF_CYCLES"), 1u);
  EXPECT_EQ(account(subnet).balance, 0u);
}

TEST(Billing, ANextEpochThatCannotBePaidIsNotOpened) {
  Harness subnet(priced(kOpen + kStep + 1'000'000));
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.reconnect = true;
  const ConnectionId id = subnet.opened(arguments);
  subnet.all_close(id);
  subnet.until([&] { return subnet.view(id).state == "closed"; });
  subnet.blocks(2);
  EXPECT_EQ(subnet.count("1000 SERVER reconnecting"), 1u) << subnet.log();
  EXPECT_EQ(subnet.count("1000 OUT_OF_CYCLES never open\n"), 1u) << subnet.log();
  EXPECT_EQ(subnet.view(id).usage.opens, 1u);
}

TEST(Billing, OpenTimeSurvivesARestart) {
  Harness subnet(priced(10'000'000));
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.blocks(50);
  for (size_t i = 0; i < 4; ++i) subnet.crash(i);
  for (size_t i = 0; i < 4; ++i) subnet.start(i);
  subnet.blocks(60);
  EXPECT_EQ(subnet.view(id).usage.open_time, Milliseconds(20'000));
}

TEST(Billing, ATrapIsNotCharged) {
  Harness subnet(priced(10'000'000));
  subnet.call([](CanisterContext& context) -> Bytes {
    context.ws_open(test_open(Mode::Feed)).value();
    throw std::runtime_error("no");
  });
  EXPECT_EQ(account(subnet).balance, 10'000'000u);
}

TEST(Billing, ZeroPricesNeedNoCycles) {
  ClusterParams params = priced(0);
  params.price = PriceParams{0, 0, 0, 0, 0, 0, 0, 0, Milliseconds(60'000)};
  Harness subnet(params);
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.all_see(id, "free");
  subnet.until([&] { return subnet.count("free") == 1; });
}

TEST(Status, SaysHowManyReplicasAreLiveOutAndNeeded) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.blocks(2);
  StatusReply reply = status(subnet, id);
  EXPECT_EQ(reply.replicas_live, 4u);
  EXPECT_EQ(reply.replicas_out, 0u);
  EXPECT_EQ(reply.replicas_needed, 3u);
  subnet.closes(3, id, false);
  subnet.blocks(2);
  reply = status(subnet, id);
  EXPECT_EQ(reply.replicas_live, 3u);
  EXPECT_EQ(reply.replicas_out, 1u);
  // Of one that says nothing for W blocks nothing is known.
  subnet.crash(3);
  subnet.blocks(6);
  reply = status(subnet, id);
  EXPECT_EQ(reply.replicas_live, 3u);
  EXPECT_EQ(reply.replicas_out, 0u);
}

}  // namespace
}  // namespace icws::replica
