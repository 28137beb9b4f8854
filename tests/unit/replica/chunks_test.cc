// Messages over a connection's limit in parts, and what a full inbox does.
#include "tests/unit/replica/harness.h"
#include "transcript/parts.h"

namespace icws::replica {
namespace {

constexpr uint64_t kPart = transcript::kPartBytesMin;

OpenArguments chunked(Mode mode) {
  OpenArguments out = test_open(mode);
  out.chunks = true;
  out.message_bytes_max = kPart;
  return out;
}

// What the canister gets, in its own words: "part/parts size" of each entry.
struct Received {
  std::vector<std::string> lines;
  Bytes whole;
};
void receive_into(Harness& subnet, Received& received) {
  // Every replica's canister runs the hook; only one of them writes down.
  subnet.hooks().data = [&](CanisterContext&, const DataCall& call) {
    for (const DataEntry& entry : call.entries) {
      const std::string line = std::to_string(entry.sequence.value) + ": " + std::to_string(entry.part) +
                               "/" + std::to_string(entry.parts) + " " + std::to_string(entry.content.size());
      if (std::ranges::find(received.lines, line) != received.lines.end()) continue;
      received.lines.push_back(line);
      received.whole += entry.content;
    }
  };
}

TEST(Chunks, AMessageOverTheLimitComesInParts) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet;
    const ConnectionId id = subnet.opened(chunked(mode));
    Received received;
    receive_into(subnet, received);
    Bytes content;
    while (content.size() < 2 * kPart + 10) content += "\u20ac";
    subnet.all_see(id, content);
    subnet.until([&] { return received.lines.size() >= 3; });
    EXPECT_THAT(received.lines, testing::ElementsAre("2: 1/3 4095", "3: 2/3 4095", "4: 3/3 12"));
    EXPECT_EQ(received.whole, content);
    EXPECT_EQ(subnet.view(id).messages, 1u);
    EXPECT_EQ(subnet.view(id).agreed_bytes, content.size());
  }
}

TEST(Chunks, OneAtTheLimitIsWhole) {
  Harness subnet;
  const ConnectionId id = subnet.opened(chunked(Mode::Ordered));
  Received received;
  receive_into(subnet, received);
  subnet.all_see(id, Bytes(kPart, 'x'));
  subnet.all_see(id, Bytes(kPart + 1, 'y'));
  subnet.until([&] { return received.lines.size() >= 3; });
  EXPECT_THAT(received.lines, testing::ElementsAre("2: 1/1 4096", "3: 1/2 4096", "4: 2/2 1"));
}

TEST(Chunks, WithoutThemTheConnectionEnds) {
  Harness subnet;
  OpenArguments arguments = test_open(Mode::Ordered);
  arguments.message_bytes_max = kPart;
  const ConnectionId id = subnet.opened(arguments);
  subnet.all_see(id, Bytes(kPart + 1, 'x'));
  subnet.until([&] { return subnet.view(id).state == "closed"; });
  EXPECT_EQ(subnet.view(id).cause, transcript::Cause::MessageTooBig);
}

// An inbox that just holds the largest message, and a canister that gets one entry a block: parts come over
// many blocks, replicas crash between them, and nothing waits for ever.
TEST(Chunks, TheLargestMessageFitsAndSurvivesACrashBetweenItsParts) {
  ClusterParams params = test_params(4);
  params.message_bytes_max = 100'000;
  const auto parts = static_cast<uint32_t>(transcript::parts_bound(100'000, kPart));
  params.inbox_bytes_max =
      2 * (100'000 + kKeyBytesMax + parts * agreement::kEntryOverheadBytes) + kInboxReserveBytes;
  params.delivery_bytes_per_block_max = 1;
  ASSERT_TRUE(params.faults().empty()) << params.faults()[0];
  --params.inbox_bytes_max;
  ASSERT_FALSE(params.faults().empty());
  ++params.inbox_bytes_max;
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet(params);
    const ConnectionId id = subnet.opened(chunked(mode));
    Received received;
    receive_into(subnet, received);
    Bytes content;
    while (content.size() + 3 <= 100'000) content += "\u20ac";
    subnet.all_see(id, content);
    subnet.all_see(id, "next");
    subnet.until([&] { return received.lines.size() == 5; });
    const auto agreed = subnet.view(id).entries;
    subnet.crash(2);
    subnet.start(2);
    subnet.until([&] { return received.whole.size() == content.size() + 4; });
    EXPECT_EQ(received.whole, content + "next");
    EXPECT_GE(subnet.view(id).entries.value, agreed.value);
  }
}

TEST(Chunks, NeedALimitThatIsNotTooSmall) {
  for (const uint64_t limit : {kPart - 1, kPart}) {
    Harness subnet;
    OpenArguments arguments = chunked(Mode::Feed);
    arguments.message_bytes_max = limit;
    const TransactionResult result = subnet.call([&](CanisterContext& context) {
      const auto id = context.ws_open(arguments);
      if (!id) throw std::runtime_error(id.error().message);
      return Bytes();
    });
    EXPECT_EQ(result.ok, limit == kPart) << result.reply;
  }
}

// What is dropped by the transform costs no agreement: no item, no head, no contents, and is acknowledged.
TEST(Filter, WhatTheTransformDropsCostsNoAgreement) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet;
    OpenArguments arguments = test_open(mode);
    arguments.transform.json = true;
    arguments.transform.drop_if_not_json = true;
    const ConnectionId id = subnet.opened(arguments);
    subnet.blocks(5);
    const auto before = subnet.view(id).entries;
    const size_t quiet = subnet.report(0)->report.size();
    for (int i = 0; i < 500; ++i) subnet.all_see(id, "heartbeat " + std::to_string(i));
    const Block block = subnet.propose({});
    const size_t payload = block.payload.size();
    subnet.execute(block);
    // Numbers in the report and the payload may grow by a byte, nothing else.
    EXPECT_LE(subnet.report(0)->report.size(), quiet + 4);
    EXPECT_LE(payload, 4 * (quiet + 100));
    EXPECT_TRUE(subnet.section(0, id)->items.empty());
    EXPECT_TRUE(subnet.section(0, id)->heads.empty());
    subnet.blocks(2);
    EXPECT_EQ(subnet.view(id).entries, before);
    // 500 and Opened.
    EXPECT_EQ(subnet.adapter(0).socket(subnet.socket(0, id)).status.acknowledged, EventSequence(501));
  }
}

}  // namespace
}  // namespace icws::replica
