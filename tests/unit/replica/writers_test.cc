// Writers `some` and `single`: who writes, who takes over, what receipts say, and who keeps what.
#include "agreement/send_rules.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

std::vector<Bytes> sent(Harness& subnet, size_t i, ConnectionId id) {
  std::vector<Bytes> out;
  for (const SendCommand& send : subnet.adapter(i).socket(subnet.socket(i, id)).sends)
    out.push_back(send.content);
  return out;
}

// Replicas whose adapters have been told to send `text`.
std::vector<size_t> senders(Harness& subnet, ConnectionId id, const Bytes& text) {
  std::vector<size_t> out;
  for (size_t i = 0; i < subnet.size(); ++i) {
    if (!subnet.adapter(i).has_socket(id)) continue;
    const auto all = sent(subnet, i, id);
    if (std::ranges::find(all, text) != all.end()) out.push_back(i);
  }
  return out;
}

OpenArguments feed_with(Writers writers) {
  OpenArguments out = test_open(Mode::Feed);
  out.writers = writers;
  out.receipts = true;
  out.script = {{MessageKind::Text, "subscribe"}};
  return out;
}

void confirm(Harness& subnet, size_t i, ConnectionId id) {
  subnet.adapter(i).confirm_sends(subnet.socket(i, id));
}

StatusReply status(Harness& subnet, ConnectionId id) {
  StatusReply out;
  subnet.call([&](CanisterContext& context) {
    out = *context.ws_status(id);
    return Bytes();
  });
  return out;
}

void resubscribe(Harness& subnet, ConnectionId id) {
  EXPECT_TRUE(subnet
                  .call([id](CanisterContext& context) {
                    if (const auto done = context.ws_resubscribe(id); !done)
                      throw std::runtime_error(done.error().message);
                    return Bytes();
                  })
                  .ok);
}

TEST(Writers, OneMemberWritesForAll) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_with(Writers::Single));
  subnet.send(id, "order");
  subnet.blocks(3);
  const auto writer = senders(subnet, id, "order");
  ASSERT_EQ(writer.size(), 1u);
  EXPECT_EQ(status(subnet, id).queued, SendSequence(1));
  EXPECT_EQ(status(subnet, id).written, SendSequence(0));
  confirm(subnet, writer[0], id);
  subnet.blocks(3);
  EXPECT_EQ(status(subnet, id).written, SendSequence(1));
  EXPECT_EQ(subnet.view(id).outbox_bytes, 0u);
  EXPECT_EQ(subnet.count("receipt 1-1 by " + std::to_string(writer[0])), 1u);
}

TEST(Writers, FPlusOneMembersWriteAndOneIsNotEnough) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_with(Writers::Some));
  subnet.send(id, "order");
  subnet.blocks(3);
  const auto writers = senders(subnet, id, "order");
  ASSERT_EQ(writers.size(), 2u);
  confirm(subnet, writers[0], id);
  subnet.blocks(3);
  EXPECT_EQ(status(subnet, id).written, SendSequence(0));
  confirm(subnet, writers[1], id);
  subnet.blocks(3);
  EXPECT_EQ(status(subnet, id).written, SendSequence(1));
  EXPECT_EQ(subnet.count("receipt 1-1 by " + std::to_string(writers[0]) + " " + std::to_string(writers[1])),
            1u);
}

TEST(Writers, AllAreNamedInTheReceipt) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.receipts = true;
  const ConnectionId id = subnet.opened(arguments);
  subnet.send(id, "one");
  subnet.send(id, "two");
  subnet.blocks(2);
  for (size_t i = 0; i < 3; ++i) confirm(subnet, i, id);
  subnet.blocks(3);
  EXPECT_EQ(subnet.count("receipt 1-2 by 0 1 2\n"), 1u);
}

// The writer dies, or its socket; another writes what nobody confirmed, and what comes later.
TEST(Writers, AnotherTakesOverAfterTheTimeout) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_with(Writers::Single));
  subnet.send(id, "one");
  subnet.blocks(3);
  const size_t writer = senders(subnet, id, "one").at(0);
  subnet.crash(writer);
  subnet.send(id, "two");
  subnet.blocks(15, Milliseconds(1'000));
  const auto all = senders(subnet, id, "two");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_NE(all[0], writer);
  EXPECT_EQ(sent(subnet, all[0], id), (std::vector<Bytes>{"subscribe", "one", "two"}));
  confirm(subnet, all[0], id);
  subnet.blocks(3);
  EXPECT_EQ(subnet.view(id, all[0]).outbox_bytes, 0u);
  // The first one comes back: what it has been told goes on, nothing of it is written again.
  subnet.start(writer);
  subnet.blocks(3);
  EXPECT_EQ(sent(subnet, writer, id), (std::vector<Bytes>{"subscribe", "one"}));
}

TEST(Writers, ALostSocketIsReplacedWithoutWaiting) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_with(Writers::Single));
  subnet.send(id, "one");
  subnet.blocks(3);
  const size_t writer = senders(subnet, id, "one").at(0);
  subnet.closes(writer, id, false);
  subnet.blocks(4);
  const auto all = senders(subnet, id, "one");
  EXPECT_EQ(std::ranges::count_if(all, [&](size_t i) { return i != writer; }), 1);
}

// A late copy would be an old order: what a replaced writer has not handed over, it drops.
TEST(Writers, AReplacedWriterForgetsWhatItsAdapterHasNotHeardOf) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_with(Writers::Single));
  subnet.send(id, "one");
  subnet.blocks(3);
  const size_t writer = senders(subnet, id, "one").at(0);
  subnet.replica(writer).on_adapter_event(AdapterDown{}, subnet.local_now());
  subnet.send(id, "two");
  subnet.blocks(15, Milliseconds(1'000));
  const auto two = senders(subnet, id, "two");
  ASSERT_EQ(two.size(), 1u);
  EXPECT_NE(two[0], writer);
  // Its stream comes back: the next message that is its own gets the number that "two" had.
  subnet.crash(writer);
  subnet.start(writer);
  subnet.blocks(3);
  EXPECT_EQ(sent(subnet, writer, id), (std::vector<Bytes>{"subscribe", "one"}));
}

// Attack S8, for a writer: it knows neither what it wrote nor claims it; another takes over.
TEST(Attack, S8_AWipedWriterNeitherRepeatsNorClaims) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_with(Writers::Single));
  subnet.send(id, "one");
  subnet.blocks(3);
  const size_t writer = senders(subnet, id, "one").at(0);
  subnet.crash(writer);
  subnet.wipe(writer);
  subnet.start(writer);
  subnet.blocks(3);
  EXPECT_EQ(sent(subnet, writer, id), (std::vector<Bytes>{"subscribe", "one"}));
  confirm(subnet, writer, id);
  subnet.blocks(3);
  EXPECT_EQ(status(subnet, id).written, SendSequence(0));
  subnet.blocks(15, Milliseconds(1'000));
  const auto all = senders(subnet, id, "one");
  ASSERT_EQ(all.size(), 2u);
  const size_t second = all[0] == writer ? all[1] : all[0];
  confirm(subnet, second, id);
  subnet.blocks(3);
  EXPECT_EQ(status(subnet, id).written, SendSequence(1));
  EXPECT_EQ(subnet.count("receipt 1-1 by " + std::to_string(second)), 1u);
}

TEST(Writers, AWriterThatRestartsGoesOnWithItsNumbers) {
  for (size_t before = 0; before < 4; ++before) {
    Harness subnet;
    const ConnectionId id = subnet.opened(feed_with(Writers::Single));
    subnet.send(id, "one");
    subnet.blocks(3);
    const size_t writer = senders(subnet, id, "one").at(0);
    confirm(subnet, writer, id);
    subnet.blocks(before);
    subnet.crash(writer);
    subnet.blocks(2);
    subnet.send(id, "two");
    subnet.start(writer);
    subnet.blocks(3);
    EXPECT_EQ(sent(subnet, writer, id), (std::vector<Bytes>{"subscribe", "one", "two"})) << before;
    EXPECT_EQ(senders(subnet, id, "two").size(), 1u) << before;
  }
}

TEST(Writers, MembersThatAreNotWritersKeepNothing) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_with(Writers::Single));
  subnet.send(id, Bytes(100'000, 'x'));
  subnet.blocks(3);
  const size_t writer = senders(subnet, id, Bytes(100'000, 'x')).at(0);
  confirm(subnet, writer, id);
  subnet.blocks(5);
  for (size_t i = 0; i < 4; ++i) {
    size_t bytes = 0;
    subnet.storage(i).scan("l/", {}, [&](BytesView, BytesView value) {
      bytes += value.size();
      return true;
    });
    EXPECT_LT(bytes, 2'000u) << i;
  }
}

TEST(Writers, NewEpochsBeginWithNewAssignments) {
  Harness subnet;
  OpenArguments arguments = feed_with(Writers::Single);
  arguments.reconnect = true;
  const ConnectionId id = subnet.opened(arguments);
  subnet.send(id, "one");
  subnet.blocks(3);
  subnet.all_close(id, false);
  subnet.until([&] { return subnet.view(id).epoch == Epoch(2); });
  subnet.blocks(1);
  subnet.all_open(id);
  subnet.until([&] { return subnet.view(id).state == "open"; });
  subnet.blocks(3);
  // On sockets of the new epoch one member writes it again: at least once.
  EXPECT_EQ(senders(subnet, id, "one").size(), 1u);
}

TEST(Resubscribe, EveryMemberSendsTheScriptAgainInItsPlace) {
  for (const Writers writers : {Writers::All, Writers::Some, Writers::Single}) {
    Harness subnet;
    const ConnectionId id = subnet.opened(feed_with(writers));
    subnet.send(id, "before");
    resubscribe(subnet, id);
    subnet.send(id, "after");
    for (int round = 0; round < 6; ++round) {
      subnet.blocks(2);
      for (size_t i = 0; i < 4; ++i) confirm(subnet, i, id);
    }
    subnet.blocks(2);
    EXPECT_EQ(subnet.view(id).outbox_bytes, 0u);
    for (size_t i = 0; i < 4; ++i) {
      auto all = sent(subnet, i, id);
      EXPECT_EQ(std::ranges::count(all, "subscribe"), 2) << i;
      EXPECT_EQ(all.front(), "subscribe");
    }
    const size_t writer = senders(subnet, id, "before").at(0);
    EXPECT_EQ(sent(subnet, writer, id), (std::vector<Bytes>{"subscribe", "before", "subscribe", "after"}));
  }
}

// Attack L12 for a script: a member that was away while a quorum wrote it.
TEST(Resubscribe, AMemberThatWasAwaySendsItAllTheSame) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_with(Writers::Single));
  subnet.crash(3);
  resubscribe(subnet, id);
  subnet.blocks(2);
  for (size_t i = 0; i < 3; ++i) confirm(subnet, i, id);
  subnet.blocks(3);
  ASSERT_EQ(subnet.view(id).outbox_bytes, 0u);
  subnet.start(3);
  subnet.blocks(2);
  EXPECT_EQ(sent(subnet, 3, id), (std::vector<Bytes>{"subscribe", "subscribe"}));
}

TEST(Resubscribe, IsRefusedWithoutAScriptAndWhereItDoesNotFit) {
  ClusterParams params = test_params(4);
  params.outbox_bytes_max = params.message_bytes_max = 64 * 1024;
  Harness subnet(params);
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.message_bytes_max = 1'000;
  const ConnectionId none = subnet.opened(arguments);
  arguments.script = {{MessageKind::Text, Bytes(30'000, 's')}};
  const ConnectionId id = subnet.opened(arguments);
  std::vector<RejectCode> refused;
  subnet.call([&](CanisterContext& context) {
    refused.clear();
    refused.push_back(context.ws_resubscribe(none).error().code);
    EXPECT_EQ(context.ws_resubscribe(id), SendSequence(1));
    EXPECT_EQ(context.ws_resubscribe(id), SendSequence(2));
    refused.push_back(context.ws_resubscribe(id).error().code);
    return Bytes();
  });
  EXPECT_EQ(refused, (std::vector<RejectCode>{RejectCode::InvalidArgument, RejectCode::QueueFull}));
}

// Attack L14, also of `some`: in mode ordered members without the answer would hold up or end the epoch.
TEST(Attack, L14_FewerThanAllWritersAreRefusedInModeOrdered) {
  for (const Writers writers :
       {Writers::Some, Writers::Single, static_cast<Writers>(0), static_cast<Writers>(4)}) {
    Harness subnet;
    OpenArguments arguments = test_open(Mode::Ordered);
    arguments.writers = writers;
    const TransactionResult result = subnet.call([&](CanisterContext& context) {
      const auto id = context.ws_open(arguments);
      if (!id && id.error().code == RejectCode::InvalidArgument) throw std::runtime_error(id.error().message);
      return Bytes();
    });
    EXPECT_FALSE(result.ok);
    EXPECT_THAT(result.reply, testing::StartsWith("writers: "));
  }
}

// The canister reads nothing for a while: receipts wait, and so does the outbox.
TEST(Receipts, WaitForRoomInTheInbox) {
  ClusterParams params = test_params(4);
  params.message_bytes_max = 10'000;
  params.inbox_bytes_max = 2 * (10'000 + kKeyBytesMax + 64) + kInboxReserveBytes;
  params.delivery_bytes_per_block_max = 1;
  Harness subnet(params);
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.receipts = true;
  arguments.message_bytes_max = 10'000;
  const ConnectionId id = subnet.opened(arguments);
  subnet.send(id, "order");
  for (int i = 0; i < 12; ++i) subnet.all_see(id, Bytes(9'000, static_cast<char>('a' + i)));
  subnet.blocks(2);
  for (size_t i = 0; i < 4; ++i) confirm(subnet, i, id);
  subnet.until([&] { return subnet.count("receipt 1-1") == 1; });
  EXPECT_EQ(subnet.view(id).outbox_bytes, 0u);
}

// Written in the block that also ends the epoch: the receipt comes first.
TEST(Receipts, ComeBeforeTheEnd) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.receipts = true;
  const ConnectionId id = subnet.opened(arguments);
  subnet.send(id, "order");
  for (size_t i = 0; i < 4; ++i) confirm(subnet, i, id);
  subnet.all_close(id);
  subnet.blocks(4);
  const std::string log = subnet.log();
  ASSERT_NE(log.find("receipt 1-1"), std::string::npos);
  EXPECT_LT(log.find("receipt 1-1"), log.find("closed"));
}

}  // namespace
}  // namespace icws::replica
