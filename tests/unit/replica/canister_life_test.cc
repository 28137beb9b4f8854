// What happens to connections when their canister is stopped, started, upgraded or deleted.
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

const ManagementArguments kProbe{.canister = "probe"};

TEST(CanisterLife, AStopEndsConnectionsAndTellsTheCanisterFirst) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.reconnect = true;
  const ConnectionId open = subnet.opened(arguments);
  const ConnectionId opening = subnet.open(test_open(Mode::Feed));
  EXPECT_TRUE(subnet.manage(management::kStop, kProbe).ok);
  // The ends are not told yet.
  EXPECT_EQ(subnet.canister()->phase, CanisterPhase::Stopping);
  subnet.blocks(2);
  EXPECT_EQ(subnet.canister()->phase, CanisterPhase::Stopped);
  EXPECT_EQ(subnet.count("1000 CANISTER_STOPPED\n"), 1u) << subnet.log();
  EXPECT_EQ(subnet.count("1000 CANISTER_STOPPED never open\n"), 1u) << subnet.log();
  for (const ConnectionId id : {open, opening}) EXPECT_EQ(subnet.view(id).state, "closed");
  EXPECT_EQ(subnet.adapter(0).size(), 0u);
}

TEST(CanisterLife, AStoppedCanisterTakesNoCallsAndAStoppingOneOpensNothing) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  Bytes code = "not asked";
  subnet.hooks().closed = [&code](CanisterContext& context, const ClosedCall&) {
    const auto opened = context.ws_open(test_open(Mode::Feed));
    code = !opened && opened.error().code == RejectCode::CanisterStopped ? "stopped" : "something else";
  };
  subnet.manage(management::kStop, kProbe);
  const auto call = [&] { return subnet.call([](CanisterContext&) { return Bytes("ran"); }); };
  EXPECT_THAT(call().reply, testing::HasSubstr("stopped"));
  subnet.blocks(2);
  EXPECT_EQ(code, "stopped");
  EXPECT_FALSE(call().ok);
  EXPECT_TRUE(subnet.manage(management::kStart, kProbe).ok);
  EXPECT_EQ(call().reply, "ran");
  // What was closed stays closed.
  EXPECT_EQ(subnet.view(id).state, "closed");
  subnet.opened(test_open(Mode::Feed));
}

TEST(CanisterLife, ACanisterThatTrapsOnEverythingStopsAllTheSame) {
  Harness subnet;
  subnet.opened(test_open(Mode::Feed));
  subnet.hooks().closed = [](CanisterContext&, const ClosedCall&) { throw std::runtime_error("no"); };
  subnet.manage(management::kStop, kProbe);
  subnet.blocks(2);
  EXPECT_EQ(subnet.canister()->phase, CanisterPhase::Stopped);
}

TEST(CanisterLife, AnUpgradeKeepsConnectionsAndStateAndCallsTheNewCode) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.all_see(id, "to the first");
  subnet.until([&] { return subnet.count("to the first") == 1; });
  EXPECT_TRUE(subnet.manage(management::kUpgrade, {.canister = "probe", .code = "probe-2"}).ok);
  subnet.all_see(id, "to the next");
  subnet.until([&] { return subnet.count("to the next") == 1; });
  EXPECT_EQ(subnet.count("to the first"), 1u);
  EXPECT_EQ(subnet.count("second"), 1u);
  EXPECT_EQ(subnet.view(id).epoch, Epoch(1));
  // After a restart it is the new code that has the state.
  for (size_t i = 0; i < 4; ++i) subnet.crash(i);
  for (size_t i = 0; i < 4; ++i) subnet.start(i);
  subnet.blocks(1);
  subnet.all_see(id, "after a restart");
  subnet.until([&] { return subnet.count("after a restart") == 1; });
  EXPECT_EQ(subnet.count("second"), 2u);
}

TEST(CanisterLife, AnUpgradeThatRefusesTheStateChangesNothing) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  const TransactionResult result =
      subnet.manage(management::kUpgrade, {.canister = "probe", .code = "stranger"});
  EXPECT_FALSE(result.ok);
  EXPECT_THAT(result.reply, testing::HasSubstr("not a state of this program"));
  EXPECT_THAT(subnet.manage(management::kUpgrade, {.canister = "probe", .code = "none"}).reply,
              testing::HasSubstr("no canister code none"));
  subnet.all_see(id, "to the old one");
  subnet.until([&] { return subnet.count("to the old one") == 1; });
}

TEST(CanisterLife, OnlyAStoppedCanisterCanBeDeletedAndNothingOfItStays) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  EXPECT_THAT(subnet.manage(management::kDelete, kProbe).reply, testing::HasSubstr("not stopped"));
  subnet.manage(management::kStop, kProbe);
  subnet.blocks(2);
  EXPECT_TRUE(subnet.manage(management::kDelete, kProbe).ok);
  EXPECT_FALSE(subnet.canister());
  EXPECT_THAT(subnet.call([](CanisterContext&) { return Bytes(); }).reply,
              testing::HasSubstr("no canister probe"));
  EXPECT_FALSE(subnet.replica(0).query("probe", "log", {}));
  EXPECT_FALSE(subnet.storage(0).get("k/probe"));
  EXPECT_FALSE(subnet.storage(0).get("a/probe"));
  // The transcript can still be read, and a restart finds no canister.
  EXPECT_EQ(subnet.view(id).state, "closed");
  subnet.crash(1);
  subnet.start(1);
  subnet.blocks(2);
}

TEST(CanisterLife, ADepositIsThereAtOnceAndWhatDoesNotFitIsRefused) {
  ClusterParams params = test_params(4);
  params.initial_cycles = 5;
  Harness subnet(params);
  EXPECT_TRUE(subnet.manage(management::kDeposit, {.canister = "probe", .cycles = 7}).ok);
  EXPECT_EQ(subnet.canister()->account.balance, 12u);
  EXPECT_FALSE(subnet.manage(management::kDeposit, {.canister = "probe", .cycles = UINT64_MAX - 11}).ok);
  EXPECT_FALSE(subnet.manage(management::kDeposit, {.canister = "nobody", .cycles = 7}).ok);
  EXPECT_EQ(subnet.canister()->account.balance, 12u);
}

TEST(CanisterLife, UnknownMethodsAndGarbageAreRefused) {
  Harness subnet;
  EXPECT_FALSE(subnet.manage("mint", kProbe).ok);
  const UserCall call{"nonce", std::string(kManagementCanister), "stop_canister", "garbage"};
  EXPECT_FALSE(subnet.block({.transactions = {encode_user_call(call)}}).results.at(0).ok);
  EXPECT_EQ(subnet.canister()->phase, CanisterPhase::Running);
}

}  // namespace
}  // namespace icws::replica
