// What canisters may do, and what their failures do.
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

std::string name(RejectCode code) {
  static const std::map<RejectCode, std::string> kNames{
      {RejectCode::InvalidArgument, "INVALID_ARGUMENT"},
      {RejectCode::QuotaExceeded, "QUOTA_EXCEEDED"},
      {RejectCode::NotFound, "NOT_FOUND"},
      {RejectCode::NotOpen, "NOT_OPEN"},
      {RejectCode::QueueFull, "QUEUE_FULL"},
      {RejectCode::InsufficientCycles, "INSUFFICIENT_CYCLES"},
      {RejectCode::CanisterStopped, "CANISTER_STOPPED"}};
  return kNames.at(code);
}

template <class T>
std::string outcome(const std::expected<T, Reject>& result) {
  return result ? "ok" : name(result.error().code);
}

TEST(CanisterContext, ATrapTakesEffectsAndStateBack) {
  Harness subnet;
  const TransactionResult result = subnet.call([](CanisterContext& context) -> Bytes {
    context.ws_open(test_open(Mode::Feed)).value();
    throw std::runtime_error("no, after all");
  });
  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.reply, "no, after all");
  EXPECT_TRUE(subnet.replica(0).connections().empty());
  EXPECT_EQ(subnet.log(), "");
  EXPECT_EQ(subnet.replica(0).metrics().traps, 1u);
  // The number was not used up.
  EXPECT_EQ(subnet.open(test_open(Mode::Feed)), ConnectionId(1));
}

TEST(CanisterRuntime, WhateverIsThrownIsATrap) {
  Harness subnet;
  const TransactionResult result = subnet.call([](CanisterContext&) -> Bytes { throw 42; });
  EXPECT_FALSE(result.ok);
  EXPECT_NE(result.reply, "");
  subnet.blocks(1);
}

TEST(CanisterContext, OneCallbackSeesItsOwnEffects) {
  Harness subnet;
  const TransactionResult result = subnet.call([](CanisterContext& context) {
    const ConnectionId id = context.ws_open(test_open(Mode::Feed)).value();
    std::string out = context.ws_status(id).value().state;
    out += " " + std::to_string(context.ws_data(id, MessageKind::Text, "a").value().value);
    out += " " + std::to_string(context.ws_data(id, MessageKind::Text, "b").value().value);
    out += " " + std::to_string(context.ws_status(id).value().outbox_bytes);
    out += " " + outcome(context.ws_close(id, 1000, ""));
    out += " " + context.ws_status(id).value().state;
    out += " " + outcome(context.ws_data(id, MessageKind::Text, "c"));
    out += " " + outcome(context.ws_close(id, 1000, ""));
    return out;
  });
  EXPECT_EQ(result.reply, "opening 1 2 66 ok closed NOT_OPEN NOT_OPEN");
  subnet.blocks(1);
  EXPECT_EQ(subnet.count("closed 1/1 1000 CANISTER never open"), 1u) << subnet.log();
}

TEST(CanisterContext, ForeignAndUnknownConnectionsAreNotFound) {
  Harness subnet;
  subnet.open(test_open(Mode::Feed));
  const TransactionResult result = subnet.call([](CanisterContext& context) {
    const ConnectionId id(99);
    std::string out = outcome(context.ws_data(id, MessageKind::Text, "a"));
    out += " " + outcome(context.ws_close(id, 1000, ""));
    out += " " + outcome(context.ws_status(id));
    return out;
  });
  EXPECT_EQ(result.reply, "NOT_FOUND NOT_FOUND NOT_FOUND");
}

TEST(CanisterContext, TheOutboxHasALimitAtItsEdge) {
  ClusterParams params = test_params(4);
  params.outbox_bytes_max = 1'000;
  Harness subnet(params);
  const ConnectionId id = subnet.open(test_open(Mode::Feed));
  const TransactionResult result = subnet.call([id](CanisterContext& context) {
    std::string out;
    for (const size_t size : {1'000 - 32 + 1, 1'000 - 32, 0}) {
      out += outcome(context.ws_data(id, MessageKind::Text, Bytes(size, 'x'))) + " ";
    }
    return out;
  });
  EXPECT_EQ(result.reply, "QUEUE_FULL ok QUEUE_FULL ");
}

TEST(CanisterContext, QuotasCountWhatIsNotClosed) {
  ClusterParams params = test_params(4);
  params.connections_per_canister_max = 3;
  Harness subnet(params);
  const TransactionResult result = subnet.call([](CanisterContext& context) {
    std::string out;
    for (int i = 0; i < 4; ++i) out += outcome(context.ws_open(test_open(Mode::Feed))) + " ";
    return out;
  });
  EXPECT_EQ(result.reply, "ok ok ok QUOTA_EXCEEDED ");
  subnet.call([](CanisterContext& context) {
    context.ws_close(ConnectionId(1), 1000, "").value();
    return Bytes();
  });
  EXPECT_EQ(subnet.open(test_open(Mode::Feed)), ConnectionId(4));
}

TEST(CanisterContext, TheSubnetHasAQuotaToo) {
  ClusterParams params = test_params(4);
  params.connections_max = 1;
  Harness subnet(params);
  subnet.open(test_open(Mode::Feed));
  const TransactionResult result = subnet.call(
      [](CanisterContext& context) { return context.ws_open(test_open(Mode::Feed)).error().message; });
  EXPECT_THAT(result.reply, testing::HasSubstr("the subnet has its maximum"));
}

TEST(CanisterRuntime, AnEntryThatTrapsIsConsumedAndTooManyEndTheConnection) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.hooks().data = [](CanisterContext&, const DataCall&) { throw std::runtime_error("cannot"); };
  for (uint32_t i = 1; i < subnet.params().traps_in_a_row_max; ++i) {
    subnet.all_see(id, "x" + std::to_string(i));
    subnet.blocks(2);
  }
  EXPECT_EQ(subnet.view(id).state, "open");
  EXPECT_EQ(subnet.replica(0).metrics().traps, subnet.params().traps_in_a_row_max - 1);
  subnet.all_see(id, "the last straw");
  subnet.blocks(2);
  EXPECT_EQ(subnet.view(id).state, "closed");
  EXPECT_EQ(subnet.count("x1"), 0u);
  EXPECT_EQ(subnet.count("CANISTER"), 1u) << subnet.log();
}

TEST(CanisterRuntime, ATrapBetweenGoodCallsEndsNothing) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.hooks().data = [](CanisterContext&, const DataCall& call) {
    if (call.entries[0].content.starts_with("bad")) throw std::runtime_error("cannot");
  };
  for (int i = 0; i < 30; ++i) {
    subnet.all_see(id, (i % 3 == 0 ? "good" : "bad") + std::to_string(i));
    subnet.blocks(2);
  }
  EXPECT_EQ(subnet.view(id).state, "open");
  EXPECT_EQ(subnet.count("good"), 10u);
}

TEST(CanisterRuntime, DeliversByTurnsWithinTheBudget) {
  ClusterParams params = test_params(4);
  params.delivery_bytes_per_block_max = 100;
  Harness subnet(params);
  const ConnectionId busy = subnet.opened(test_open(Mode::Ordered));
  const ConnectionId other = subnet.opened(test_open(Mode::Ordered));
  for (int i = 0; i < 200; ++i) subnet.all_see(busy, "busy");
  subnet.all_see(other, "mine");
  subnet.blocks(6);
  EXPECT_EQ(subnet.count("mine"), 1u);
  EXPECT_LT(subnet.count("busy"), 200u);
}

TEST(Transactions, RunOnceAndRefuseWhatDoesNotDecode) {
  ClusterParams params = test_params(4);
  params.transaction_bytes_max = 200;
  Harness subnet(params);
  const Bytes good = subnet.transaction([](CanisterContext&) { return Bytes("done"); });
  const Bytes large = encode_user_call({"nonce", "probe", "m1", Bytes(200, 'x')});
  const Bytes stranger = encode_user_call({"nonce", "nobody", "m1", {}});
  const BlockResult first =
      subnet.block({.transactions = {good, good, "garbage", large, good + "x", stranger}});
  ASSERT_EQ(first.results.size(), 6u);
  EXPECT_EQ(first.results[0].reply, "done");
  EXPECT_EQ(first.results[1].reply, "the transaction has run already");
  for (size_t i = 2; i < 6; ++i) EXPECT_FALSE(first.results[i].ok) << i;
  EXPECT_THAT(first.results[5].reply, testing::HasSubstr("no canister nobody"));
  EXPECT_FALSE(subnet.block({.transactions = {good}}).results[0].ok);
  // Over a restart as well.
  for (size_t i = 0; i < 4; ++i) subnet.crash(i);
  for (size_t i = 0; i < 4; ++i) subnet.start(i);
  EXPECT_FALSE(subnet.block({.transactions = {good}}).results[0].ok);
  EXPECT_EQ(subnet.count("call m1"), 1u);
}

}  // namespace
}  // namespace icws::replica
