// What canisters send: script, outbox, quota, and who sends what when.
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

std::vector<Bytes> sent(Harness& subnet, size_t i, ConnectionId id) {
  std::vector<Bytes> out;
  for (const SendCommand& send : subnet.adapter(i).socket(subnet.socket(i, id)).sends)
    out.push_back(send.content);
  return out;
}

TEST(Sends, TheScriptComesFirstAndTheQuotaIsFreedByAQuorum) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.script = {{MessageKind::Text, "subscribe"}};
  const ConnectionId id = subnet.open(arguments);
  subnet.send(id, "early");
  subnet.all_open(id);
  subnet.until([&] { return subnet.view(id).state == "open"; });
  subnet.send(id, "late");
  subnet.blocks(1);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(sent(subnet, i, id), (std::vector<Bytes>{"subscribe", "early", "late"}));
  for (size_t i = 0; i < 2; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.blocks(5);
  EXPECT_GT(subnet.view(id).outbox_bytes, 0u);
  subnet.adapter(2).confirm_sends(subnet.socket(2, id));
  subnet.blocks(5);
  EXPECT_EQ(subnet.view(id).outbox_bytes, 0u);
}

// Attack L12: the quota is freed by the others, the slow one sends all the same.
TEST(Sends, ASlowReplicaStillSendsWhatTheOthersFreed) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.script = {{MessageKind::Text, "subscribe"}};
  const ConnectionId id = subnet.open(arguments);
  subnet.send(id, "order");
  for (size_t i = 0; i < 3; ++i) subnet.opens(i, id);
  subnet.blocks(2);
  for (size_t i = 0; i < 3; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.blocks(5);
  ASSERT_EQ(subnet.view(id).outbox_bytes, 0u);
  // It dies in between, too.
  subnet.crash(3);
  subnet.start(3);
  subnet.opens(3, id);
  subnet.blocks(2);
  EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"subscribe", "order"}));
}

// Whenever it dies: also where the first block that it misses is the one that frees the message.
TEST(Sends, AReplicaThatDiesBeforeAMessageIsFreedStillSendsIt) {
  for (size_t before = 0; before < 4; ++before) {
    Harness subnet;
    const ConnectionId id = subnet.open(test_open(Mode::Feed));
    for (size_t i = 0; i < 3; ++i) subnet.opens(i, id);
    subnet.blocks(5);
    subnet.send(id, "one");
    for (size_t i = 0; i < 3; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
    subnet.blocks(before);
    subnet.crash(3);
    subnet.blocks(4);
    ASSERT_EQ(subnet.view(id).outbox_bytes, 0u);
    subnet.start(3);
    subnet.blocks(1);
    subnet.opens(3, id);
    subnet.send(id, "two");
    subnet.blocks(2);
    EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"one", "two"})) << before;
  }
}

TEST(Sends, ASocketThatEndedBeforeACrashLeavesNothingToSendToTheNext) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.send(id, "one");
  subnet.closes(3, id, false);
  subnet.blocks(1);
  for (size_t i = 0; i < 3; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.crash(3);
  subnet.start(3);
  subnet.blocks(10);
  ASSERT_EQ(subnet.socket(3, id).attempt, Attempt(2));
  subnet.opens(3, id);
  subnet.send(id, "two");
  subnet.blocks(2);
  EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"two"}));
}

TEST(Sends, AReplicaThatComesLateNumbersItsSendsWithoutHoles) {
  Harness subnet;
  subnet.crash(3);
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.script = {{MessageKind::Text, "subscribe"}};
  const ConnectionId id = subnet.open(arguments);
  subnet.send(id, "old");
  for (size_t i = 0; i < 3; ++i) subnet.opens(i, id);
  subnet.blocks(2);
  for (size_t i = 0; i < 3; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.blocks(5);
  ASSERT_EQ(subnet.view(id).outbox_bytes, 0u);
  subnet.start(3);
  subnet.blocks(1);
  subnet.opens(3, id);
  subnet.send(id, "new");
  subnet.blocks(2);
  EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"subscribe", "new"}));
}

TEST(Sends, AFeedsNextSocketNumbersItsSendsWithoutHoles) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.send(id, "one");
  subnet.blocks(2);
  // Replica 3 is ahead of the quorum when its socket flaps.
  subnet.adapter(3).confirm_sends(subnet.socket(3, id));
  subnet.blocks(3);
  subnet.closes(3, id, false);
  subnet.blocks(8);
  ASSERT_EQ(subnet.socket(3, id).attempt, Attempt(2));
  subnet.opens(3, id);
  subnet.send(id, "two");
  subnet.blocks(2);
  EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"two"}));
}

// Attack L12, with a replica that is away while the message comes and goes.
TEST(Sends, AReplicaThatWasAwaySendsWhatTheOthersFreedMeanwhile) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet;
    const ConnectionId id = subnet.opened(test_open(mode));
    subnet.send(id, "before");
    subnet.blocks(2);
    for (size_t i = 0; i < 4; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
    subnet.blocks(5);
    subnet.crash(3);
    subnet.blocks(2);
    subnet.send(id, "meanwhile");
    subnet.blocks(2);
    for (size_t i = 0; i < 3; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
    subnet.blocks(5);
    ASSERT_EQ(subnet.view(id).outbox_bytes, 0u);
    subnet.start(3);
    subnet.send(id, "after");
    subnet.blocks(3);
    EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"before", "meanwhile", "after"}));
  }
}

// Attack S8.
TEST(Sends, AWipedReplicaOpensAndSendsNothingWhileItReplays) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.send(id, "order");
  subnet.blocks(3);
  for (size_t i = 0; i < 4; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.blocks(5);
  subnet.crash(3);
  subnet.wipe(3);
  const size_t before = subnet.adapter(3).commands.size();
  subnet.start(3);
  EXPECT_EQ(subnet.adapter(3).commands.size(), before);
  EXPECT_EQ(subnet.replica(3).info().app_hash, subnet.replica(0).info().app_hash);
  subnet.blocks(3);
  EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"order"}));
  EXPECT_EQ(subnet.adapter(3).size(), 1u);
}

TEST(Sends, AWipedReplicaDoesNotRepeatWhatALaterSocketHasSent) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.send(id, "first");
  subnet.blocks(2);
  for (size_t i = 0; i < 4; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.blocks(5);
  // Replica 3 flaps: its second socket begins behind what was freed.
  subnet.closes(3, id, false);
  subnet.blocks(8);
  ASSERT_EQ(subnet.socket(3, id).attempt, Attempt(2));
  subnet.opens(3, id);
  subnet.send(id, "second");
  subnet.blocks(2);
  ASSERT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"second"}));
  subnet.crash(3);
  subnet.wipe(3);
  subnet.start(3);
  subnet.blocks(3);
  subnet.send(id, "third");
  subnet.blocks(3);
  EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"second", "third"}));
}

TEST(Sends, WhatAQuorumWroteInTheLastBlockOfAnEpochIsNotSentAgain) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.reconnect = true;
  const ConnectionId id = subnet.opened(arguments);
  subnet.send(id, "order");
  // The reports that let the next block agree on the close say as well that the order was written.
  for (size_t i = 0; i < 4; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.all_close(id);
  subnet.blocks(2);
  ASSERT_EQ(subnet.view(id).state, "waiting");
  subnet.until([&] { return subnet.view(id).epoch == Epoch(2); });
  subnet.blocks(1);
  subnet.all_open(id);
  subnet.blocks(5);
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(sent(subnet, i, id).empty());
}

}  // namespace
}  // namespace icws::replica
