// A canister's own transform, from the socket to the canister.
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

OpenArguments with_transform(Mode mode, const std::string& method = "tail") {
  OpenArguments out = test_open(mode);
  out.transform.method = method;
  out.transform.context = "|";
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

TEST(OwnTransform, RemovesWhatDiffersInEveryMode) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet;
    const ConnectionId id = subnet.opened(with_transform(mode));
    for (size_t i = 0; i < 4; ++i) {
      subnet.sees(i, id, std::to_string(i) + "|same");
      subnet.sees(i, id, "drop " + std::to_string(i));
    }
    subnet.until([&] { return subnet.count(" same") == 1; });
    EXPECT_EQ(subnet.count("drop"), 0u);
  }
}

// What the transform would have removed differs, and yet it is one agreed failure: only that is agreed.
TEST(OwnTransform, AFailureIsAnAgreedAndCountedEntryInItsPlace) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet;
    const ConnectionId id = subnet.opened(with_transform(mode));
    for (size_t i = 0; i < 4; ++i) {
      subnet.sees(i, id, "|before");
      subnet.sees(i, id, "fail " + std::to_string(i));
      subnet.sees(i, id, "fail " + std::to_string(i));
      subnet.sees(i, id, "|after");
    }
    subnet.until([&] { return subnet.count("transform failed 1") == 2 && subnet.count("after") == 1; });
    EXPECT_EQ(subnet.view(id).state, "open");
    const StatusReply reply = status(subnet, id);
    EXPECT_EQ(reply.transform_failures, 2u);
    EXPECT_EQ(reply.messages, 2u);
    // Paid for like messages.
    EXPECT_EQ(reply.usage.messages, 4u);
    if (mode == Mode::Feed) continue;
    const std::string log = subnet.log();
    EXPECT_LT(log.find("before"), log.find("transform failed"));
    EXPECT_LT(log.find("transform failed"), log.find("after"));
  }
}

TEST(OwnTransform, OneThatNeverEndsIsStoppedByItsBudget) {
  Harness subnet;
  const ConnectionId id = subnet.opened(with_transform(Mode::Ordered, "loop"));
  subnet.all_see(id, "x");
  subnet.until([&] { return subnet.count("transform failed 2") == 1; });
}

TEST(OwnTransform, TooManyFailuresInARowEndTheConnectionAndOneGoodMessageBeginsAnew) {
  ClusterParams params = test_params(4);
  params.transform_failures_in_a_row_max = 3;
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet(params);
    OpenArguments arguments = with_transform(mode);
    arguments.reconnect = true;
    const ConnectionId id = subnet.opened(arguments);
    for (const char* text : {"fail", "fail", "|good"}) {
      subnet.all_see(id, text);
      subnet.blocks(3);
    }
    for (const char* text : {"fail", "fail"}) subnet.all_see(id, text);
    subnet.blocks(3);
    EXPECT_EQ(subnet.view(id).state, "open");
    subnet.all_see(id, "fail");
    subnet.blocks(3);
    EXPECT_EQ(subnet.view(id).state, "closed");
    EXPECT_EQ(subnet.count("1000 TRANSFORM_FAILED\n"), 1u) << subnet.log();
  }
}

TEST(OwnTransform, ArgumentsAreChecked) {
  Harness subnet;
  const auto refused = [&](OpenArguments arguments) {
    Bytes out;
    subnet.call([&](CanisterContext& context) {
      const auto result = context.ws_open(arguments);
      out = result ? "ok" : result.error().message;
      return Bytes();
    });
    return out;
  };
  OpenArguments arguments = with_transform(Mode::Feed, "unknown");
  EXPECT_THAT(refused(arguments), testing::HasSubstr("no transform unknown"));
  arguments = with_transform(Mode::Feed);
  arguments.transform.json = true;
  EXPECT_THAT(refused(arguments), testing::HasSubstr("instead of json"));
  arguments = with_transform(Mode::Feed);
  arguments.transform.context.assign(kTransformContextBytesMax, 'c');
  EXPECT_EQ(refused(arguments), "ok");
  arguments.transform.context += 'c';
  EXPECT_THAT(refused(arguments), testing::HasSubstr("at most 1024 bytes"));
  arguments = test_open(Mode::Feed);
  arguments.transform.context = "c";
  EXPECT_THAT(refused(arguments), testing::HasSubstr("only with transform.method"));
}

// Attack S9: the code changes between a message and a restart; the epoch keeps the old one's transform, on a
// replica that restarts as well. The next epoch has the new one's, and this new one has none.
TEST(OwnTransform, AnUpgradeTakesEffectWithTheNextEpoch) {
  Harness subnet;
  OpenArguments arguments = with_transform(Mode::Ordered);
  arguments.reconnect = true;
  const ConnectionId id = subnet.opened(arguments);
  EXPECT_TRUE(subnet.manage(management::kUpgrade, {.canister = "probe", .code = "probe-2"}).ok);
  subnet.crash(2);
  subnet.start(2);
  for (size_t i = 0; i < 4; ++i) subnet.sees(i, id, std::to_string(i) + "|still");
  subnet.until([&] { return subnet.count(" still") == 1; });
  // The callback was the new code's.
  EXPECT_EQ(subnet.count("second"), 1u);
  subnet.all_close(id);
  subnet.until([&] { return subnet.view(id).state == "closed"; });
  subnet.blocks(2);
  EXPECT_EQ(subnet.count("TRANSFORM_FAILED never open\n"), 1u) << subnet.log();
}

}  // namespace
}  // namespace icws::replica
