#include "replica/persistence.h"

#include "replica/keys.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

// What the constructor says about the storage; empty: nothing.
std::string fault(Harness& subnet, size_t i) {
  try {
    subnet.make(i);
    return {};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(Persistence, ACrashBetweenFinalizeAndCommitLeavesTheBlockBefore) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Feed));
  subnet.all_see(id, "hello");
  subnet.blocks(1);
  const Block block = subnet.propose({});
  subnet.replica(3).finalize_block(block);
  const Height before(block.height.value - 1);
  subnet.crash(3);
  EXPECT_EQ(subnet.make(3)->info().height, before);
  subnet.execute(block);
  subnet.start(3);
  subnet.blocks(3);
  EXPECT_EQ(subnet.count("hello", 3), 1u);
  EXPECT_EQ(subnet.log(3), subnet.log(0));
}

TEST(Persistence, ARestartAtAnyBlockGivesTheSameAppHash) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Feed);
  arguments.reconnect = true;
  const ConnectionId feed = subnet.opened(arguments);
  const ConnectionId ordered = subnet.opened(test_open(Mode::Ordered));
  for (int i = 0; i < 60; ++i) {
    const std::string text = std::to_string(i);
    if (subnet.view(ordered).state == "open" && i < 40) subnet.all_see(ordered, "o" + text);
    if (i < 10) subnet.all_see(feed, "f" + text);
    if (i == 10) subnet.all_close(feed, false);
    if (i == 40) subnet.all_close(ordered);
    subnet.crash(3);
    ASSERT_EQ(subnet.make(3)->info().app_hash, subnet.replica(0).info().app_hash);
    subnet.start(3);
    subnet.blocks(1);
  }
  EXPECT_EQ(subnet.log(3), subnet.log(0));
  EXPECT_EQ(subnet.count("data 2/"), 40u) << subnet.log();
}

TEST(Persistence, RefusesDamagedStorageWithAHint) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  subnet.send(id, "unsent");
  const auto damage = [&](const Bytes& key, std::optional<Bytes> value) {
    const MemoryStorage good = subnet.storage(3);
    subnet.storage(3).apply(WriteBatch{{{key, std::move(value)}}});
    const std::string said = fault(subnet, 3);
    subnet.storage(3) = good;
    return said;
  };
  EXPECT_EQ(fault(subnet, 3), "");
  const std::string hint = "remove it, and the replica recovers";
  for (const Bytes& key : {keys::kGlobal, keys::connection(id), keys::arguments(id), keys::head(id),
                           keys::outbox(id, SendSequence(1)), keys::kAppHashes, keys::transactions(Height(1)),
                           keys::reports(subnet.replica(3).info().height)}) {
    EXPECT_TRUE(subnet.storage(3).get(key)) << key;
    EXPECT_THAT(damage(key, "broken"), testing::HasSubstr(hint)) << key;
  }
  for (const Bytes& key : {keys::arguments(id), keys::head(id), keys::outbox(id, SendSequence(1)),
                           keys::transactions(Height(1))}) {
    EXPECT_THAT(damage(key, std::nullopt), testing::HasSubstr("damaged")) << key;
  }
  EXPECT_THAT(damage(keys::connection(id), std::nullopt), testing::HasSubstr("damaged"));
  EXPECT_THAT(damage(keys::canister("probe"), "other"), testing::HasSubstr("damaged"));
}

// Each queued message is a record of its own: what is written does not grow with what waits.
TEST(Persistence, WritesOfAnOutboxOnlyWhatIsNew) {
  Harness subnet;
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  for (int i = 0; i < 5; ++i) subnet.send(id, "message " + std::to_string(i));
  const auto stored = [&] {
    std::vector<Bytes> keys;
    subnet.storage(0).scan(keys::kOutboxPrefix, {}, [&](BytesView key, BytesView) {
      keys.emplace_back(key);
      return true;
    });
    return keys;
  };
  std::vector<Bytes> expected;
  for (uint64_t i = 1; i <= 5; ++i) expected.push_back(keys::outbox(id, SendSequence(i)));
  EXPECT_EQ(stored(), expected);
  subnet.crash(3);
  subnet.start(3);
  for (size_t i = 0; i < 4; ++i) subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.send(id, "one more");
  subnet.until([&] { return subnet.view(id).outbox_bytes == 8 + kSendOverheadBytes; });
  EXPECT_EQ(stored(), std::vector<Bytes>{keys::outbox(id, SendSequence(6))});
  EXPECT_EQ(subnet.view(id, 3).outbox_bytes, 8 + kSendOverheadBytes);
  subnet.all_close(id);
  subnet.blocks(3);
  EXPECT_TRUE(stored().empty());
}

TEST(Persistence, RemembersTransactionsAcrossARestartAndForgetsThemInTime) {
  ClusterParams params = test_params(1);
  params.transaction_memory_blocks = 5;
  Harness subnet(params);
  const Bytes transaction = subnet.transaction([](CanisterContext&) { return Bytes("ran"); });
  EXPECT_TRUE(subnet.block({.transactions = {transaction}}).results.at(0).ok);
  subnet.blocks(3);
  subnet.crash(0);
  subnet.start(0);
  EXPECT_FALSE(subnet.block({.transactions = {transaction}}).results.at(0).ok);
  EXPECT_TRUE(subnet.block({.transactions = {transaction}}).results.at(0).ok);
  EXPECT_FALSE(subnet.storage(0).get(keys::transactions(Height(1))));
  EXPECT_TRUE(subnet.storage(0).get(keys::transactions(Height(6))));
}

TEST(Persistence, AnIdleConnectionIsNotWrittenAgain) {
  Harness subnet;
  const ConnectionId idle = subnet.opened(test_open(Mode::Feed));
  const ConnectionId ordered = subnet.opened(test_open(Mode::Ordered));
  subnet.all_see(idle, "text");
  subnet.blocks(20);
  const Bytes before = *subnet.storage(0).get(keys::connection(idle));
  // Whoever writes a record writes it whole: one that is left alone stays as a test made it.
  subnet.storage(0).apply(WriteBatch{{{keys::connection(idle), "untouched"}, {keys::head(ordered), "too"}}});
  subnet.blocks(20);
  EXPECT_EQ(subnet.storage(0).get(keys::connection(idle)), "untouched");
  EXPECT_EQ(subnet.storage(0).get(keys::head(ordered)), "too");
  subnet.all_see(idle, "more");
  subnet.blocks(3);
  EXPECT_NE(subnet.storage(0).get(keys::connection(idle)), "untouched");
  EXPECT_NE(subnet.storage(0).get(keys::connection(idle)), before);
}

TEST(Persistence, NoticesAMissingEntryOfTheInbox) {
  ClusterParams params = test_params(4);
  params.delivery_bytes_per_block_max = 100;
  Harness subnet(params);
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  for (int i = 0; i < 50; ++i) subnet.all_see(id, "text");
  subnet.blocks(3);
  const EntrySequence last = subnet.view(id).entries;
  subnet.storage(3).apply(WriteBatch{{{keys::transcript(id, last), std::nullopt}}});
  EXPECT_THAT(fault(subnet, 3), testing::HasSubstr("a transcript entry is missing"));
}

TEST(Persistence, RefusesOtherParameters) {
  Harness subnet;
  subnet.blocks(1);
  ClusterParams params = test_params(4);
  ++params.connections_max;
  Harness other(params);
  other.blocks(1);
  other.storage(0) = subnet.storage(0);
  EXPECT_THAT(fault(other, 0), testing::HasSubstr("other parameters"));
}

TEST(Persistence, ForgetsTheOldestClosedConnectionsWithTheirTranscripts) {
  ClusterParams params = test_params(1);
  params.closed_connections_kept = 2;
  Harness subnet(params);
  for (int i = 0; i < 5; ++i) {
    const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
    for (int m = 0; m < 5; ++m) subnet.all_see(id, "text");
    subnet.blocks(3);
    subnet.all_close(id);
    subnet.blocks(3);
  }
  EXPECT_EQ(subnet.replica(0).connections().size(), 2u);
  size_t entries = 0, locals = 0;
  const auto count = [](size_t& into) { return [&into](BytesView, BytesView) { return ++into, true; }; };
  subnet.storage(0).scan("t/", {}, count(entries));
  subnet.storage(0).scan(keys::kLocalPrefix, {}, count(locals));
  EXPECT_EQ(entries, 2u * 7u);
  EXPECT_EQ(locals, 0u);
}

TEST(Persistence, KeepsTheNewestEntriesOfATranscript) {
  ClusterParams params = test_params(1);
  params.transcript_entries_kept = 10;
  Harness subnet(params);
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  for (int m = 0; m < 30; ++m) subnet.all_see(id, "text");
  subnet.blocks(3);
  const auto entries = subnet.replica(0).transcript(id, EntrySequence(1), 100);
  ASSERT_EQ(entries.size(), 10u);
  EXPECT_EQ(entries.back().sequence, EntrySequence(31));
}

}  // namespace
}  // namespace icws::replica
