// A feed whose canister is too slow: messages wait, or are dropped by agreement.
#include "agreement/observation.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

constexpr uint64_t kMessage = 9'000;

// The inbox holds a few messages and gives the canister one entry a block.
ClusterParams slow_canister() {
  ClusterParams params = test_params(4);
  params.message_bytes_max = 10'000;
  params.inbox_bytes_max = 60'000;
  params.delivery_bytes_per_block_max = 1;
  return params;
}

OpenArguments feed_of(Overflow overflow) {
  OpenArguments out = test_open(Mode::Feed);
  out.message_bytes_max = 10'000;
  out.overflow = overflow;
  out.transform.json = true;
  out.transform.key_pointers = {"/k"};
  return out;
}

Bytes message(uint64_t key, uint64_t serial) {
  return R"({"k":)" + std::to_string(key) + R"(,"n":)" + std::to_string(serial) + R"(,"x":")" +
         Bytes(kMessage, 'x') + R"("})";
}

struct Counts {
  uint64_t messages = 0, missing = 0, dropped = 0;
};
Counts counts(Harness& subnet, ConnectionId id) {
  Counts out;
  for (const transcript::Entry& entry : subnet.replica(0).transcript(id, EntrySequence(1), 10'000)) {
    out.messages += std::holds_alternative<transcript::Message>(entry.what);
    if (const auto* gap = std::get_if<transcript::Gap>(&entry.what)) {
      out.missing += gap->count;
      out.dropped += gap->dropped;
    }
  }
  return out;
}

TEST(Overflow, WaitingLosesNothing) {
  Harness subnet(slow_canister());
  const ConnectionId id = subnet.opened(feed_of(Overflow::Wait));
  for (uint64_t i = 1; i <= 40; ++i) subnet.all_see(id, message(1, i));
  subnet.until([&] { return counts(subnet, id).messages == 40; });
  EXPECT_EQ(counts(subnet, id).missing, 0u);
}

TEST(Overflow, DroppingCountsWhatTheCanisterDoesNotGetAndReadsOn) {
  Harness subnet(slow_canister());
  const ConnectionId id = subnet.opened(feed_of(Overflow::DropOldest));
  for (uint64_t i = 1; i <= 40; ++i) subnet.all_see(id, message(1, i));
  subnet.blocks(6);
  // Everything is settled and acknowledged at once, however slow the canister is.
  EXPECT_EQ(subnet.adapter(0).socket(subnet.socket(0, id)).status.acknowledged, EventSequence(41));
  EXPECT_LT(counts(subnet, id).messages, 40u);
  subnet.blocks(20);
  const Counts before = counts(subnet, id);
  EXPECT_EQ(before.messages + before.missing, 40u);
  EXPECT_EQ(before.dropped, before.missing);
  EXPECT_GT(before.dropped, 0u);
  // With room again messages come as before.
  subnet.all_see(id, message(1, 41));
  subnet.until([&] { return counts(subnet, id).messages == before.messages + 1; });
  EXPECT_EQ(counts(subnet, id).missing, before.missing);
}

// The mark names the key, and comes although nothing follows in it: a book can be rebuilt at once.
TEST(Overflow, EveryKeyHasItsOwnMark) {
  Harness subnet(slow_canister());
  const ConnectionId id = subnet.opened(feed_of(Overflow::DropOldest));
  for (uint64_t i = 1; i <= 10; ++i) subnet.all_see(id, message(1, i));
  for (uint64_t key = 2; key <= 30; ++key) subnet.all_see(id, message(key, 1));
  subnet.blocks(30);
  std::map<Bytes, uint64_t> marked;
  for (const transcript::Entry& entry : subnet.replica(0).transcript(id, EntrySequence(1), 10'000)) {
    if (const auto* gap = std::get_if<transcript::Gap>(&entry.what)) marked[gap->key_hash] += gap->count;
  }
  EXPECT_GT(marked.size(), 5u);
  uint64_t all = 0;
  for (const auto& [key, count] : marked) all += count;
  EXPECT_EQ(all + counts(subnet, id).messages, 39u);
}

// Order within a key, and nothing twice, whatever is dropped.
TEST(Overflow, WhatComesStaysInOrder) {
  Harness subnet(slow_canister());
  const ConnectionId id = subnet.opened(feed_of(Overflow::DropOldest));
  for (uint64_t i = 1; i <= 60; ++i) {
    for (size_t r = 0; r < 4; ++r) subnet.sees(r, id, message(1, i));
    if (i % 7 == 0) subnet.blocks(1);
  }
  subnet.blocks(20);
  uint64_t last = 0;
  for (const transcript::Entry& entry : subnet.replica(0).transcript(id, EntrySequence(1), 10'000)) {
    const auto* one = std::get_if<transcript::Message>(&entry.what);
    if (one == nullptr) continue;
    const uint64_t serial = std::stoull(one->content.substr(one->content.find("\"n\":") + 4));
    EXPECT_GT(serial, last);
    last = serial;
  }
  const Counts all = counts(subnet, id);
  EXPECT_EQ(all.messages + all.missing, 60u);
}

// A proposer that leaves everything out drops no more than others would: only what is decidable, and only
// while the inbox is full.
TEST(Overflow, AProposerThatWithholdsDropsNothingWhileThereIsRoom) {
  Harness subnet;
  const ConnectionId id = subnet.opened(feed_of(Overflow::DropOldest));
  for (uint64_t i = 1; i <= 5; ++i) subnet.all_see(id, message(1, i));
  subnet.blocks(1);
  Block block = subnet.propose({});
  auto payload = agreement::decode_payload(block.payload,
                                           [](ConnectionId) { return std::optional(agreement::Mode::Feed); });
  ASSERT_TRUE(payload && !payload->decisions.empty());
  payload->decisions.clear();
  block.payload = agreement::encode_payload(*payload);
  ASSERT_TRUE(subnet.judge(block).has_value());
  subnet.execute(block);
  subnet.until([&] { return counts(subnet, id).messages == 5; });
  EXPECT_EQ(counts(subnet, id).missing, 0u);
}

TEST(Overflow, DroppingIsForFeeds) {
  for (const Overflow overflow : {Overflow::DropOldest, static_cast<Overflow>(0), static_cast<Overflow>(3)}) {
    Harness subnet;
    OpenArguments arguments = test_open(Mode::Ordered);
    arguments.overflow = overflow;
    const TransactionResult result = subnet.call([&](CanisterContext& context) {
      const auto id = context.ws_open(arguments);
      if (!id) throw std::runtime_error(id.error().message);
      return Bytes();
    });
    EXPECT_FALSE(result.ok);
    EXPECT_THAT(result.reply, testing::StartsWith("overflow: "));
  }
}

}  // namespace
}  // namespace icws::replica
