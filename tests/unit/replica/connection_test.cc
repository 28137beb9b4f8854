// One connection's life as a block sees it, and as one replica's socket does.
#include "replica/block_step.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

// Attack L10.
TEST(BlockStep, AgreementTimeIsClamped) {
  Global global;
  global.height = Height(5);
  global.block_time = BlockTime(Milliseconds(10'000));
  global.now = AgreedTime(Milliseconds(500));
  const auto after = [&](int64_t at) {
    return advance_time(global, BlockTime(Milliseconds(at))).time_since_epoch();
  };
  EXPECT_EQ(after(10'300), Milliseconds(800));
  EXPECT_EQ(after(11'000), Milliseconds(1'500));
  EXPECT_EQ(after(10'000'000), Milliseconds(1'500));
  EXPECT_EQ(after(9'000), Milliseconds(500));
}

TEST(BlockStep, AHaltFiresNoTimer) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.open_timeout = Milliseconds(5'000);
  const ConnectionId id = subnet.open(arguments);
  subnet.block({.after = Milliseconds(3'600'000)});
  EXPECT_EQ(subnet.view(id).state, "opening");
  subnet.blocks(4, Milliseconds(3'600'000));
  EXPECT_EQ(subnet.view(id).state, "closed");
  EXPECT_EQ(subnet.count("TIMEOUT never open"), 1u) << subnet.log();
}

TEST(BlockStep, ReconnectsAfterABackOffThatGrows) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.reconnect = true;
  const ConnectionId id = subnet.opened(arguments);
  subnet.all_see(id, "before");
  subnet.blocks(3);
  subnet.all_close(id, false);
  std::vector<size_t> waited;
  for (uint32_t epoch = 2; epoch <= 4; ++epoch) {
    subnet.until([&] { return subnet.view(id).state == "waiting"; });
    size_t blocks = 0;
    for (; subnet.view(id).state == "waiting"; ++blocks) subnet.blocks(1);
    waited.push_back(blocks);
    subnet.blocks(1);
    ASSERT_EQ(subnet.view(id).epoch, Epoch(epoch));
    for (size_t i = 0; i < 4; ++i) {
      ASSERT_EQ(subnet.adapter(i).size(), 1u);
      if (epoch < 4)
        subnet.adapter(i).add(subnet.socket(i, id),
                              SocketOpenFailed{transcript::Cause::ConnectionRefused, {}});
    }
  }
  EXPECT_EQ(waited, (std::vector<size_t>{10, 20, 40}));
  subnet.all_open(id);
  subnet.until([&] { return subnet.view(id).state == "open"; });
  EXPECT_EQ(subnet.count("never open reconnecting"), 2u) << subnet.log();
  EXPECT_EQ(subnet.count("epoch 4"), 1u);
}

// Attack L13.
TEST(BlockStep, TheClosingEntryFitsAFullInbox) {
  ClusterParams params = test_params(4);
  params.inbox_bytes_max = 8 * 1024;
  params.delivery_bytes_per_block_max = 0;
  Harness subnet(params);
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.message_bytes_max = 1'000;
  const ConnectionId id = subnet.open(arguments);
  subnet.all_open(id);
  for (int i = 0; i < 30; ++i) subnet.all_see(id, Bytes(500, 'x'));
  subnet.blocks(5);
  const uint64_t held = subnet.view(id).messages;
  EXPECT_GT(held, 3u);
  EXPECT_LT(held, 10u);
  subnet.call([id](CanisterContext& context) {
    context.ws_close(id, 1000, "enough").value();
    return Bytes();
  });
  EXPECT_EQ(subnet.view(id).state, "closed");
  const auto entries = subnet.replica(0).transcript(id, EntrySequence(1), 100);
  EXPECT_TRUE(std::holds_alternative<transcript::Closed>(entries.back().what));
}

// x expires where it holds up b, but b is withheld until the canister or the agreement ends the epoch.
TEST(BlockStep, GapsThatNoMessageFollowedAreCountedBeforeTheEnd) {
  for (const bool by_canister : {true, false}) {
    Harness subnet;
    OpenArguments arguments = test_open(Mode::Feed);
    arguments.reconnect = !by_canister;
    const ConnectionId id = subnet.opened(arguments);
    for (const size_t replica : {0, 1}) subnet.sees(replica, id, "x");
    subnet.all_see(id, "b");
    const auto withhold = [&](int blocks, std::vector<Bytes> transactions = {}) {
      for (; blocks > 0; --blocks) {
        Block block = subnet.propose({.transactions = transactions});
        auto payload = *agreement::decode_payload(
            block.payload, [](ConnectionId) { return std::optional<agreement::Mode>(Mode::Feed); });
        payload.decisions.clear();
        block.payload = agreement::encode_payload(payload);
        subnet.execute(block);
      }
    };
    withhold(25);
    EXPECT_EQ(subnet.view(id).gaps, 0u);
    if (by_canister) {
      withhold(1, {subnet.transaction([id](CanisterContext& context) {
                 context.ws_close(id, 1000, "enough").value();
                 return Bytes();
               })});
    } else {
      // Two lose all that they had: without them b is not decidable any more.
      for (const size_t replica : {2, 3}) {
        subnet.crash(replica);
        subnet.wipe(replica);
        subnet.adapter(replica).restart();
        subnet.start(replica);
        withhold(2);
        subnet.adapter(replica).add(subnet.socket(replica, id),
                                    SocketOpenFailed{transcript::Cause::ConnectionRefused, {}});
      }
      withhold(8);
      subnet.blocks(20);
    }
    EXPECT_EQ(subnet.view(id).gaps, 1u) << by_canister;
    EXPECT_EQ(subnet.view(id).messages, 0u);
    const auto entries = subnet.replica(0).transcript(id, EntrySequence(1), 100);
    ASSERT_EQ(entries.size(), 3u);
    EXPECT_TRUE(std::holds_alternative<transcript::Gap>(entries[1].what));
    EXPECT_TRUE(std::holds_alternative<transcript::Closed>(entries[2].what));
  }
}

TEST(BlockStep, AnOutageOfAllSocketsEndsTheEpochHoweverSlowTheBlocks) {
  for (const int64_t interval : {100, 600, 900, 3'000}) {
    for (const uint32_t replicas : {1u, 2u, 3u, 4u, 7u}) {
      Harness subnet(replicas);
      const ConnectionId id = subnet.opened(test_open(Mode::Feed));
      subnet.blocks(3);
      subnet.all_close(id, false);
      for (int block = 0; block < 40; ++block) {
        subnet.blocks(1, Milliseconds(interval));
        for (size_t i = 0; i < replicas; ++i) {
          // Its server is there again.
          if (subnet.adapter(i).size() > 0 && subnet.socket(i, id).attempt == Attempt(2) &&
              subnet.adapter(i).socket(subnet.socket(i, id)).last_event == 0) {
            subnet.opens(i, id);
          }
        }
      }
      EXPECT_EQ(subnet.view(id).state, "closed") << replicas << " replicas, a block in " << interval << " ms";
    }
  }
}

TEST(BlockStep, AFlapOfOneSocketHealsBesideASilentMember) {
  for (const int64_t interval : {100, 600}) {
    Harness subnet;
    const ConnectionId id = subnet.opened(test_open(Mode::Feed));
    subnet.blocks(3);
    subnet.crash(0);
    subnet.closes(3, id, false);
    for (int block = 0; block < 20; ++block) {
      subnet.blocks(1, Milliseconds(interval));
      if (subnet.view(id, 3).socket == "ended" && subnet.adapter(3).size() > 0 &&
          subnet.socket(3, id).attempt == Attempt(2)) {
        subnet.opens(3, id);
      }
    }
    EXPECT_EQ(subnet.view(id, 3).state, "open");
    EXPECT_EQ(subnet.view(id, 3).socket, "live");
  }
}

TEST(LocalConnection, AMessageOverTheLimitAfterTheTransformEndsWith1009) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.message_bytes_max = 20;
  arguments.transform.json = true;
  arguments.transform.drop_pointers = {"/noise"};
  const ConnectionId id = subnet.opened(arguments);
  subnet.all_see(id, R"({"a":1,"noise":"0123456789012345678901234567890123456789"})");
  subnet.blocks(3);
  EXPECT_EQ(subnet.count(R"({"a":1})"), 1u);
  subnet.all_see(id, R"({"a":"012345678901234567890123456789"})");
  subnet.all_see(id, R"({"a":2})");
  subnet.until([&] { return subnet.view(id).state == "closed"; });
  EXPECT_EQ(subnet.count("1009 MESSAGE_TOO_BIG"), 1u) << subnet.log();
  EXPECT_EQ(subnet.count(R"({"a":2})"), 0u);
  EXPECT_EQ(subnet.adapter(0).all<CloseCommand>().at(0).code, 1009);
}

TEST(LocalConnection, AKeyAsLargeAsAMessageEndsTheSocketInsteadOfTheFeed) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.transform.json = true;
  arguments.transform.key_pointers = {"/key"};
  const ConnectionId id = subnet.opened(arguments);
  subnet.all_see(id, R"({"key":")" + Bytes(5'000, 'k') + R"("})");
  subnet.until([&] { return subnet.view(id).state == "closed"; });
  EXPECT_EQ(subnet.count("MESSAGE_TOO_BIG"), 1u);
}

// Attack L11.
TEST(LocalConnection, AcknowledgementPassesDroppedEvents) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.transform.json = true;
  arguments.transform.drop_if_not_json = true;
  const ConnectionId id = subnet.opened(arguments);
  for (int i = 0; i < 100; ++i) subnet.all_see(id, "heartbeat");
  subnet.blocks(2);
  EXPECT_TRUE(subnet.adapter(0).socket(subnet.socket(0, id)).events.empty());
  // What only one saw is given up after a while.
  subnet.sees(0, id, R"({"only":"here"})");
  subnet.all_see(id, R"({"all":"there"})");
  subnet.blocks(5);
  EXPECT_EQ(subnet.adapter(0).socket(subnet.socket(0, id)).events.size(), 2u);
  subnet.blocks(12, Milliseconds(1'000));
  EXPECT_TRUE(subnet.adapter(0).socket(subnet.socket(0, id)).events.empty());
}

TEST(LocalConnection, AStaleBurstIsGivenUpAndAcknowledged) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.blocks(25);
  for (int i = 0; i < 3'000; ++i) subnet.sees(3, id, "stale " + std::to_string(i));
  subnet.crash(0);
  size_t sent = 0;
  for (int block = 0; block < 80; ++block) {
    for (int i = 0; i < 5; ++i, ++sent) {
      for (size_t replica = 1; replica < 4; ++replica)
        subnet.sees(replica, id, "live " + std::to_string(sent));
    }
    subnet.blocks(1);
  }
  subnet.blocks(5);
  EXPECT_EQ(subnet.view(id, 1).messages, sent);
  EXPECT_EQ(subnet.view(id, 1).gaps, 0u);
  EXPECT_GT(subnet.adapter(3).socket(subnet.socket(3, id)).status.acknowledged, EventSequence(2'000));
  EXPECT_GT(subnet.replica(3).metrics().events_dropped, 2'000u);
}

TEST(LocalConnection, AListIsNotCompleteWhileTheAdapterMayRepeatMore) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.blocks(25);
  EXPECT_TRUE(subnet.section(2, id)->complete);
  subnet.replica(2).on_adapter_event(AdapterDown{}, subnet.local_now());
  subnet.blocks(1);
  EXPECT_FALSE(subnet.section(2, id)->complete);
  subnet.crash(2);
  subnet.start(2);
  subnet.blocks(15);
  EXPECT_FALSE(subnet.section(2, id)->complete);
  subnet.blocks(10);
  EXPECT_TRUE(subnet.section(2, id)->complete);
}

// Attack L11, in ordered.
TEST(LocalConnection, AMemberFarBehindCatchesUpThroughItsAdapter) {
  constexpr size_t kBuffer = 60, kMessages = 150;
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.blocks(2);
  subnet.crash(3);
  for (size_t i = 0; i < kMessages; ++i) {
    for (size_t replica = 0; replica < 3; ++replica) subnet.sees(replica, id, "m" + std::to_string(i));
  }
  // The adapter of replica 3 reads on only as far as its buffer has room.
  const SocketKey socket = subnet.socket(3, id);
  size_t read = 0;
  const auto read_on = [&] {
    while (read < kMessages && subnet.adapter(3).socket(socket).events.size() < kBuffer)
      subnet.sees(3, id, "m" + std::to_string(read++));
  };
  read_on();
  subnet.blocks(5);
  EXPECT_EQ(subnet.view(id).messages, kMessages);
  subnet.start(3);
  for (int i = 0; i < 10; ++i) {
    subnet.blocks(1);
    read_on();
  }
  EXPECT_EQ(read, kMessages);
  EXPECT_EQ(subnet.adapter(3).socket(socket).status.acknowledged, EventSequence(1 + kMessages));
  EXPECT_EQ(subnet.view(id, 3).socket, "live");
  // It is needed, and it can propose.
  subnet.crash(0);
  for (size_t replica = 1; replica < 4; ++replica) subnet.sees(replica, id, "on and on");
  for (int i = 0; i < 4; ++i) subnet.block({.proposer = 3});
  EXPECT_EQ(subnet.view(id, 3).messages, kMessages + 1);
}

TEST(LocalConnection, AMemberWhoseSocketMissedTheFirstMessagesIsOut) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  for (size_t i = 0; i < 60; ++i) {
    for (size_t replica = 0; replica < 4; ++replica) {
      // A socket that is out gets closed.
      if (subnet.adapter(replica).size() == 0 || (replica == 3 && i < 10)) continue;
      subnet.sees(replica, id, "m" + std::to_string(i));
    }
    subnet.blocks(1);
  }
  EXPECT_EQ(subnet.view(id, 3).socket, "out");
  EXPECT_EQ(subnet.section(3, id)->status, agreement::MemberStatus::OutMismatch);
  EXPECT_EQ(subnet.adapter(3).size(), 0u);
  subnet.blocks(2);
  EXPECT_EQ(subnet.view(id).messages, 60u);
}

// Attack L15.
TEST(LocalConnection, ALostAdapterIsOutInOrderedAndComesAgainInAFeed) {
  Harness subnet;
  const ConnectionId ordered = subnet.opened(test_open(Mode::Ordered));
  const ConnectionId feed = subnet.opened(test_open(Mode::Feed));
  subnet.adapter(3).restart();
  subnet.blocks(1);
  EXPECT_EQ(subnet.section(3, ordered)->status, agreement::MemberStatus::OutLost);
  EXPECT_EQ(subnet.section(3, feed)->status, agreement::MemberStatus::Ended);
  subnet.blocks(8);
  EXPECT_EQ(subnet.socket(3, feed).attempt, Attempt(2));
  subnet.opens(3, feed);
  EXPECT_EQ(subnet.adapter(3).size(), 1u);
  for (size_t i = 0; i < 3; ++i) subnet.sees(i, ordered, "on and on");
  subnet.all_see(feed, "news");
  subnet.blocks(4);
  EXPECT_EQ(subnet.view(ordered).messages, 1u);
  EXPECT_EQ(subnet.view(feed).messages, 1u);
  EXPECT_EQ(subnet.view(feed, 3).socket, "live");
}

// A server sends one client what nobody else gets, and cuts its socket, again and again.
TEST(LocalConnection, ALogHoldsAtMostWhatTwoSocketsBrought) {
  Harness subnet;
  const ConnectionId feed = subnet.opened(test_open(Mode::Feed));
  constexpr size_t kJunk = 10;
  uint64_t most = 0;
  for (size_t round = 0; round < 5; ++round) {
    for (size_t i = 0; i < kJunk && subnet.adapter(3).size() > 0; ++i)
      subnet.sees(3, feed, "junk " + std::to_string(round) + " " + std::to_string(i));
    subnet.blocks(1);
    most = std::max(most, subnet.view(feed, 3).unsettled);
    if (subnet.adapter(3).size() == 0) continue;
    subnet.adapter(3).restart();
    subnet.blocks(6);
    if (subnet.adapter(3).size() > 0) subnet.opens(3, feed);
  }
  EXPECT_EQ(most, 2 * kJunk);
  // Once the junk is given up the member is back.
  for (int i = 0; i < 400 && subnet.adapter(3).size() == 0; ++i) subnet.blocks(1);
  EXPECT_EQ(subnet.adapter(3).size(), 1u);
}

TEST(LocalConnection, AStreamThatBreaksDoublesNothing) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.all_see(id, "one");
  subnet.replica(2).on_adapter_event(AdapterDown{}, subnet.local_now());
  subnet.blocks(1);
  // While it is down nothing is said to it.
  EXPECT_TRUE(subnet.replica(2).take_commands().empty());
  subnet.crash(2);
  subnet.start(2);
  subnet.all_see(id, "two");
  subnet.blocks(3);
  EXPECT_EQ(subnet.view(id).messages, 2u);
  EXPECT_EQ(subnet.view(id, 2).socket, "live");
}

// Attack S9: the transform is the epoch's, whatever comes in between.
TEST(LocalConnection, TheTransformIsTheSameAfterARestart) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.transform.json = true;
  arguments.transform.drop_pointers = {"/id"};
  const ConnectionId id = subnet.opened(arguments);
  for (size_t i = 0; i < 4; ++i) subnet.sees(i, id, R"({"v":1,"id":)" + std::to_string(i) + "}");
  subnet.crash(1);
  subnet.start(1);
  subnet.blocks(4);
  EXPECT_EQ(subnet.count(R"({"v":1})"), 1u);
}

TEST(LocalConnection, IgnoresMessagesBeforeOpenedAndStrangers) {
  Harness subnet;
  const ConnectionId id = subnet.open(test_open(Mode::Ordered));
  subnet.all_see(id, "too early");
  subnet.all_open(id);
  SocketKey stranger = subnet.socket(0, id);
  stranger.attempt = Attempt(9);
  subnet.replica(0).on_adapter_event(SocketEvent{stranger, EventSequence(1), SocketOpened{}},
                                     subnet.local_now());
  subnet.all_see(id, "in time");
  subnet.blocks(4);
  EXPECT_EQ(subnet.view(id).messages, 1u);
  EXPECT_EQ(subnet.count("too early"), 0u);
}

}  // namespace
}  // namespace icws::replica
