// Mode delegated through whole replicas: one owner at a time, and what a wrong or absent one can do.
#include "agreement/delegated_rules.h"
#include "replica/batches.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

using agreement::Batch;

OpenArguments delegating(bool reconnect = false) {
  OpenArguments out = test_open(Mode::Delegated);
  out.message_bytes_max = 100'000;
  out.delegated = DelegatedSettings{Milliseconds(4'000)};
  out.reconnect = reconnect;
  return out;
}

class Delegated : public testing::Test {
 protected:
  Delegated() {
    subnet.hooks().opened = [this](CanisterContext&, const OpenedCall& call) { owner_told = call.owner; };
    subnet.hooks().data = [this](CanisterContext&, const DataCall& call) {
      for (const DataEntry& entry : call.entries) {
        if (entry.kind == DataEntry::Kind::Handover) handover = entry.handover;
      }
    };
  }
  size_t owner(ConnectionId id, uint32_t term = 0) {
    return (id.value + (term == 0 ? subnet.view(id).epoch.value : term)) % subnet.size();
  }
  ConnectionId opened(const OpenArguments& arguments = delegating()) {
    const ConnectionId id = subnet.open(arguments);
    subnet.opens(owner(id), id);
    subnet.until([&] { return subnet.view(id).state == "open"; });
    return id;
  }
  // Blocks without the owner's batches until the next term.
  void silence_owner(ConnectionId id) {
    const uint32_t term = subnet.view(id).epoch.value;
    const size_t silent = owner(id);
    for (int i = 0; i < 60 && subnet.view(id).epoch.value == term; ++i) {
      subnet.block({.proposer = (silent + 1) % 4, .silent = {silent}});
    }
    ASSERT_EQ(subnet.view(id).epoch.value, term + 1);
  }
  size_t sockets() {
    size_t out = 0;
    for (size_t i = 0; i < subnet.size(); ++i) out += subnet.adapter(i).size();
    return out;
  }
  TransactionResult run(const Bytes& transaction) {
    const auto results = subnet.block({.transactions = {transaction}}).results;
    return results.at(0);
  }
  Bytes signed_by(size_t replica, const Batch& batch) {
    const Bytes body = archive_encode(batch);
    const Bytes message = agreement::batch_sign_bytes(subnet.params().chain_id, body);
    return encode_batch_transaction(
        {body, HashVerifier::sign_batch(ReplicaIndex(static_cast<uint32_t>(replica)), message)});
  }

  Harness subnet;
  transcript::Owner owner_told;
  std::optional<transcript::Handover> handover;
};

TEST_F(Delegated, OneReplicaSpeaksAndTheCanisterKnowsWho) {
  const ConnectionId id = opened();
  EXPECT_EQ(sockets(), 1u);
  EXPECT_EQ(owner_told.member, owner(id));
  EXPECT_EQ(owner_told.public_key, subnet.params().replica_keys[owner(id)]);
  for (int i = 0; i < 5; ++i) subnet.sees(owner(id), id, "text" + std::to_string(i));
  subnet.until([&] { return subnet.view(id).messages == 5; });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(subnet.count("text" + std::to_string(i) + "\n"), 1u);
}

TEST_F(Delegated, AnEventIsAcknowledgedOnceItsBatchIsCommitted) {
  const ConnectionId id = opened();
  subnet.blocks(3);
  const size_t i = owner(id);
  subnet.sees(i, id, "text");
  subnet.block({.silent = {i}});
  EXPECT_EQ(subnet.adapter(i).socket(subnet.socket(i, id)).events.size(), 1u);
  subnet.blocks(2);
  EXPECT_EQ(subnet.view(id).messages, 1u);
  EXPECT_TRUE(subnet.adapter(i).socket(subnet.socket(i, id)).events.empty());
}

TEST_F(Delegated, AnIdleOwnerKeepsItsTerm) {
  const ConnectionId id = opened();
  const uint64_t entries = subnet.view(id).entries.value;
  subnet.blocks(100, Milliseconds(500));
  EXPECT_EQ(subnet.view(id).epoch.value, 1u);
  EXPECT_EQ(subnet.view(id).entries.value, entries) << "heartbeats are no entries";
}

TEST_F(Delegated, ASilentOwnerLosesItsTermWithAVisibleMark) {
  const ConnectionId id = opened();
  const size_t first = owner(id);
  silence_owner(id);
  subnet.blocks(2);
  ASSERT_TRUE(handover);
  EXPECT_EQ(handover->from, first);
  EXPECT_EQ(handover->to, owner(id));
  EXPECT_EQ(handover->cause, transcript::Cause::Timeout);
  EXPECT_NE(owner(id), first);
  EXPECT_EQ(subnet.adapter(first).size(), 0u) << "it saw the block";
  subnet.opens(owner(id), id);
  subnet.sees(owner(id), id, "from the second");
  subnet.until([&] { return subnet.count("from the second") == 1; });
  EXPECT_EQ(owner_told.member, owner(id));
  EXPECT_EQ(sockets(), 1u);
}

TEST_F(Delegated, EveryMemberHasItsTurnAndFPlusOneFailuresEndIt) {
  const ConnectionId id = subnet.open(delegating());
  silence_owner(id);
  const uint32_t second = subnet.view(id).epoch.value;
  EXPECT_EQ(second, 2u);
  const size_t silent = owner(id);
  for (int i = 0; i < 60; ++i) subnet.block({.proposer = (silent + 1) % 4, .silent = {silent}});
  EXPECT_EQ(subnet.view(id).state, "closed");
  EXPECT_EQ(subnet.view(id).cause, transcript::Cause::Timeout);
}

TEST_F(Delegated, AnOpenThatFailsForAllFailsWithItsCause) {
  const ConnectionId id = subnet.open(delegating());
  for (uint32_t term = 1; term <= 2; ++term) {
    const size_t i = owner(id, term);
    subnet.adapter(i).add(subnet.socket(i, id), SocketOpenFailed{transcript::Cause::NameResolution, {}});
    subnet.blocks(4);
  }
  EXPECT_EQ(subnet.view(id).state, "closed");
  EXPECT_EQ(subnet.view(id).cause, transcript::Cause::NameResolution);
}

TEST_F(Delegated, TheServersCloseEndsItAndDataComesFirst) {
  const ConnectionId id = opened();
  subnet.sees(owner(id), id, "last words");
  subnet.closes(owner(id), id, true, 3000);
  subnet.until([&] { return subnet.view(id).state == "closed"; });
  EXPECT_EQ(subnet.view(id).cause, transcript::Cause::Server);
  EXPECT_EQ(subnet.count("last words"), 1u);
}

TEST_F(Delegated, ALostSocketHandsOverAtOnce) {
  const ConnectionId id = opened();
  subnet.sees(owner(id), id, "before");
  subnet.closes(owner(id), id, false);
  subnet.blocks(4);
  EXPECT_EQ(subnet.view(id).epoch.value, 2u);
  ASSERT_TRUE(handover);
  EXPECT_EQ(handover->cause, transcript::Cause::Connection);
  EXPECT_EQ(subnet.count("before"), 1u);
}

TEST_F(Delegated, ACrashOfTheOwnerLosesNothingAndDoublesNothing) {
  const ConnectionId id = opened();
  const size_t i = owner(id);
  for (int n = 0; n < 5; ++n) subnet.sees(i, id, "a" + std::to_string(n));
  subnet.blocks(1);
  subnet.crash(i);
  for (int n = 0; n < 5; ++n) subnet.sees(i, id, "b" + std::to_string(n));
  subnet.blocks(5);
  subnet.start(i);
  subnet.until([&] { return subnet.view(id, (i + 1) % 4).messages >= 10; });
  subnet.blocks(5);
  for (const std::string text : {"a", "b"}) {
    for (int n = 0; n < 5; ++n) EXPECT_EQ(subnet.count(text + std::to_string(n) + "\n"), 1u);
  }
  EXPECT_EQ(subnet.view(id).epoch.value, 1u);
}

TEST_F(Delegated, AnOwnerThatLostItsStateGoesOnWithItsSocket) {
  const ConnectionId id = opened();
  const size_t i = owner(id);
  subnet.sees(i, id, "before");
  subnet.blocks(4);
  subnet.crash(i);
  subnet.wipe(i);
  subnet.sees(i, id, "meanwhile");
  subnet.start(i);
  subnet.until([&] { return subnet.count("meanwhile") == 1; });
  EXPECT_EQ(subnet.count("before"), 1u);
  EXPECT_EQ(subnet.view(id).epoch.value, 1u);
}

TEST_F(Delegated, AnEndIsNotSaidBeforeWhatTheAdapterRepeats) {
  const ConnectionId id = opened();
  const size_t i = owner(id);
  subnet.blocks(2);
  subnet.sees(i, id, "last");
  subnet.closes(i, id, false);
  // The owner knows, and its batch is not in the block.
  subnet.block({.silent = {i}});
  subnet.crash(i);
  subnet.start(i);
  subnet.until([&] { return subnet.view(id).epoch.value == 2; });
  EXPECT_EQ(subnet.count("last"), 1u);
}

TEST_F(Delegated, OnlyTheOwnerWritesAndWhatWasNotAgreedIsWrittenAgain) {
  const ConnectionId id = opened();
  const size_t first = owner(id);
  subnet.send(id, "one");
  subnet.blocks(1);
  ASSERT_EQ(subnet.adapter(first).socket(subnet.socket(first, id)).sends.size(), 1u);
  subnet.adapter(first).confirm_sends(subnet.socket(first, id));
  subnet.blocks(3);
  EXPECT_EQ(subnet.view(id).outbox_bytes, 0u);
  subnet.send(id, "two");
  subnet.blocks(1);
  silence_owner(id);
  subnet.opens(owner(id), id);
  subnet.blocks(3);
  const auto& sends = subnet.adapter(owner(id)).socket(subnet.socket(owner(id), id)).sends;
  ASSERT_EQ(sends.size(), 1u);
  EXPECT_EQ(sends[0].content, "two");
}

TEST_F(Delegated, AReceiptNamesTheOwner) {
  OpenArguments arguments = delegating();
  arguments.receipts = true;
  const ConnectionId id = opened(arguments);
  const size_t i = owner(id);
  std::vector<DataEntry> receipts;
  subnet.hooks().data = [&](CanisterContext&, const DataCall& call) {
    for (const DataEntry& entry : call.entries) {
      if (entry.kind == DataEntry::Kind::Receipt) receipts.push_back(entry);
    }
  };
  subnet.send(id, "one");
  subnet.send(id, "two");
  subnet.blocks(1);
  subnet.adapter(i).confirm_sends(subnet.socket(i, id));
  subnet.blocks(3);
  ASSERT_EQ(receipts.size(), subnet.size()) << "one on each replica";
  for (const DataEntry& receipt : receipts) {
    EXPECT_EQ(receipt.first_sent, SendSequence(1));
    EXPECT_EQ(receipt.last_sent, SendSequence(2));
    EXPECT_EQ(receipt.writers, std::vector{ReplicaIndex(static_cast<uint32_t>(i))});
  }
}

// Else the next owner would write again what the last one has said to be written.
TEST_F(Delegated, WhatALastBatchSaysToBeWrittenIsFreedBeforeTheHandover) {
  const ConnectionId id = opened();
  const size_t first = owner(id);
  subnet.send(id, "one");
  subnet.blocks(1);
  subnet.adapter(first).confirm_sends(subnet.socket(first, id));
  subnet.closes(first, id, false);
  subnet.until([&] { return subnet.view(id).epoch.value == 2; });
  EXPECT_EQ(subnet.view(id).outbox_bytes, 0u);
  subnet.opens(owner(id), id);
  subnet.blocks(3);
  EXPECT_TRUE(subnet.adapter(owner(id)).socket(subnet.socket(owner(id), id)).sends.empty());
}

TEST_F(Delegated, ReplicasRestartFromStorageInTheMiddleOfATerm) {
  const ConnectionId id = opened();
  subnet.sees(owner(id), id, "a");
  subnet.blocks(4);
  for (size_t i = 0; i < 4; ++i) subnet.crash(i);
  for (size_t i = 0; i < 4; ++i) subnet.start(i);
  subnet.sees(owner(id), id, "b");
  subnet.blocks(5);
  EXPECT_EQ(subnet.view(id).messages, 2u);
}

class DelegatedAttack : public Delegated {};

TEST_F(DelegatedAttack, L18_OldBatchesAreVoidAfterARotation) {
  const ConnectionId id = opened();
  subnet.sees(owner(id), id, "kept back");
  subnet.block({.silent = {owner(id)}});
  // The batch of the first term, signed and never in a block.
  const std::vector<Bytes> old = subnet.batches();
  ASSERT_EQ(old.size(), 1u);
  silence_owner(id);
  const uint64_t entries = subnet.view(id).entries.value;
  EXPECT_FALSE(run(old[0]).ok);
  EXPECT_EQ(subnet.view(id).entries.value, entries);
  EXPECT_EQ(subnet.count("kept back"), 0u);
}

TEST_F(DelegatedAttack, L18_ABatchCountsOnce) {
  const ConnectionId id = opened();
  subnet.sees(owner(id), id, "once");
  subnet.block({.silent = {owner(id)}});
  const Bytes batch = subnet.batches().at(0);
  const auto results = subnet.block({.transactions = {batch, batch}, .silent = {owner(id)}}).results;
  EXPECT_TRUE(results.at(0).ok);
  EXPECT_FALSE(results.at(1).ok);
  EXPECT_FALSE(run(batch).ok);
  EXPECT_EQ(subnet.count("once"), 1u);
}

TEST_F(DelegatedAttack, L18_APartitionedOwnerClosesItsSocket) {
  const ConnectionId id = opened();
  const size_t i = owner(id);
  const LocalTime last = subnet.local_now();
  subnet.replica(i).tick(last + Milliseconds(1'999));
  EXPECT_TRUE(subnet.replica(i).take_commands().empty());
  subnet.replica(i).tick(last + Milliseconds(2'000));
  const auto commands = subnet.replica(i).take_commands();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<CloseCommand>(commands[0]));
  subnet.replica(i).tick(last + Milliseconds(9'000));
  EXPECT_TRUE(subnet.replica(i).take_commands().empty());
  // It is back in time: it says so, and the next one takes over.
  subnet.blocks(4);
  EXPECT_EQ(subnet.view(id).epoch.value, 2u);
}

TEST_F(DelegatedAttack, NobodyElseSpeaksForTheOwner) {
  const ConnectionId id = opened();
  const size_t i = owner(id);
  subnet.sees(i, id, "true");
  subnet.block({.silent = {i}});
  const Bytes batch = subnet.replica(i).batches().at(0);
  Batch forged = *archive_decode<Batch>(batch);
  forged.messages[0].content = "forged";
  EXPECT_FALSE(run(signed_by((i + 1) % 4, forged)).ok);
  EXPECT_EQ(subnet.count("forged"), 0u);
}

TEST_F(DelegatedAttack, AnOwnersBatchesAreItsNextOnesOrVoid) {
  const ConnectionId id = opened();
  const size_t i = owner(id);
  subnet.sees(i, id, "true");
  subnet.block({.silent = {i}});
  const Batch next = *archive_decode<Batch>(subnet.replica(i).batches().at(0));
  const auto refuses = [&](auto change) {
    Batch batch = next;
    change(batch);
    const auto result = subnet.block({.transactions = {signed_by(i, batch)}, .silent = {i}}).results.at(0);
    EXPECT_FALSE(result.ok);
  };
  refuses([](Batch& b) { ++b.sequence; });
  refuses([](Batch& b) { b.term = b.term.next(); });
  refuses([](Batch& b) { b.previous = sha256("another history"); });
  refuses([](Batch& b) { b.connection = ConnectionId(77); });
  refuses([](Batch& b) { b.last_event = EventSequence(0); });
  refuses([](Batch& b) { b.sent_up_to = SendSequence(1); });
  refuses([](Batch& b) { b.opened = archive_encode(transcript::Opened{}); });
  refuses([](Batch& b) { b.messages[0].content.assign(100'001, 'x'); });
  refuses([](Batch& b) { b.messages[0].content = "\xff"; });
  refuses([](Batch& b) { b.messages[0].parts = 2; });
  refuses([](Batch& b) { b.messages[0].key.assign(kKeyBytesMax + 1, 'k'); });
  refuses([](Batch& b) { b.messages[0].kind = static_cast<transcript::ContentKind>(3); });
  refuses([](Batch& b) { b.end = agreement::BatchEnd{static_cast<transcript::Cause>(250), 1000, {}}; });
  refuses([](Batch& b) { b.end = agreement::BatchEnd{transcript::Cause::Server, 1000, Bytes(124, 'r')}; });
  EXPECT_EQ(subnet.view(id).messages, 0u);
  EXPECT_TRUE(run(signed_by(i, next)).ok);
  EXPECT_EQ(subnet.view(id).messages, 1u);
}

}  // namespace
}  // namespace icws::replica
