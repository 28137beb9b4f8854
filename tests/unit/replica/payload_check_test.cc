#include "replica/payload_check.h"

#include "base/signature.h"
#include "tests/unit/replica/harness.h"

namespace icws::replica {
namespace {

class PayloadCheckTest : public testing::Test {
 protected:
  PayloadCheckTest() {
    subnet.blocks(2);
    block = subnet.propose({});
    payload = *agreement::decode_payload(block.payload,
                                         [](ConnectionId) { return std::optional<agreement::Mode>(); });
  }
  // What the replicas say to the payload as it is now.
  RejectionKind refused() {
    block.payload = agreement::encode_payload(payload);
    const auto judged = subnet.judge(block);
    EXPECT_FALSE(judged.has_value());
    if (judged) return {};
    EXPECT_FALSE(judged.error().message.empty());
    EXPECT_NE(rejection_name(judged.error().kind), "UNKNOWN");
    EXPECT_FALSE(subnet.replica(1).metrics().rejections.empty());
    return judged.error().kind;
  }
  // The first report, altered and signed again.
  void alter(const std::function<void(agreement::Report&)>& change) {
    agreement::CarriedReport& carried = payload.reports[0];
    agreement::Report report = *agreement::decode_report(carried.report, subnet.params().agreement);
    change(report);
    resign(agreement::encode_report(report));
  }
  void resign(Bytes bytes) {
    agreement::CarriedReport& carried = payload.reports[0];
    carried.report = std::move(bytes);
    carried.signature =
        HashVerifier::sign(carried.member, Height(block.height.value - 1), carried.report).signature;
  }

  Harness subnet;
  Block block;
  agreement::Payload payload;
};

TEST_F(PayloadCheckTest, AcceptsAnHonestPayload) {
  EXPECT_EQ(payload.reports.size(), 4u);
  EXPECT_TRUE(subnet.judge(block).has_value());
}

TEST_F(PayloadCheckTest, RefusesGarbage) {
  block.payload = "garbage";
  EXPECT_EQ(subnet.judge(block).error().kind, RejectionKind::Malformed);
}

TEST_F(PayloadCheckTest, RefusesAnotherEncodingOfTheSame) {
  // An unknown field at the end.
  block.payload = agreement::encode_payload(payload) + Bytes("\xf8\x07\x01", 3);
  EXPECT_EQ(subnet.judge(block).error().kind, RejectionKind::Malformed);
  EXPECT_FALSE(payload.reports.empty());
  resign(payload.reports[0].report + Bytes("\xf8\x07\x01", 3));
  EXPECT_EQ(refused(), RejectionKind::Malformed);
}

TEST_F(PayloadCheckTest, RefusesAReportOverTheCap) {
  resign(Bytes(subnet.params().report_bytes_max + 1, 'x'));
  EXPECT_EQ(refused(), RejectionKind::Oversize);
}

TEST_F(PayloadCheckTest, RefusesAWrongSignature) {
  payload.reports[0].signature[0] ^= 1;
  EXPECT_EQ(refused(), RejectionKind::WrongSignature);
}

// A report that is known by its bytes must not lend its name to another signature.
TEST_F(PayloadCheckTest, RefusesAWrongSignatureUnderAReportSeenBefore) {
  const agreement::Payload good = payload;
  EXPECT_TRUE(subnet.judge(block).has_value());
  payload.reports[0].signature[0] ^= 1;
  EXPECT_EQ(refused(), RejectionKind::WrongSignature);
  payload = good;
  payload.reports[0].signature += "x";
  EXPECT_EQ(refused(), RejectionKind::WrongSignature);
  payload = good;
  block.payload = agreement::encode_payload(payload);
  EXPECT_TRUE(subnet.judge(block).has_value());
}

TEST_F(PayloadCheckTest, RefusesAnotherMembersReport) {
  payload.reports[0].member = ReplicaIndex(1);
  payload.reports.erase(payload.reports.begin() + 1);
  EXPECT_EQ(refused(), RejectionKind::WrongSignature);
}

TEST_F(PayloadCheckTest, RefusesAnUnknownMember) {
  payload.reports.back().member = ReplicaIndex(4);
  EXPECT_EQ(refused(), RejectionKind::UnknownMember);
}

TEST_F(PayloadCheckTest, RefusesTwoReportsOfOneMember) {
  payload.reports.insert(payload.reports.begin(), payload.reports.front());
  EXPECT_EQ(refused(), RejectionKind::Malformed);
}

TEST_F(PayloadCheckTest, RefusesAnotherHeightAndAnotherChain) {
  alter([](agreement::Report& report) { report.height = Height(report.height.value - 1); });
  EXPECT_EQ(refused(), RejectionKind::WrongHeight);
}

TEST_F(PayloadCheckTest, RefusesAnotherChain) {
  alter([](agreement::Report& report) { report.chain_id = "other"; });
  EXPECT_EQ(refused(), RejectionKind::WrongChain);
}

TEST_F(PayloadCheckTest, RefusesADecisionOnAnUnknownConnection) {
  payload.decisions.push_back({ConnectionId(9), Epoch(1), {}});
  EXPECT_EQ(refused(), RejectionKind::UnknownConnection);
}

TEST_F(PayloadCheckTest, RefusesABlockThatIsNotTheNext) {
  block.height = block.height.next();
  EXPECT_EQ(subnet.judge(block).error().kind, RejectionKind::WrongHeight);
}

// It is accepted in a payload, for its signature is right, but says nothing.
TEST(ReportOnAnotherState, IsVoid) {
  Harness subnet;
  const ConnectionId id = subnet.open(test_open(Mode::Feed));
  subnet.blocks(1);
  for (size_t i = 0; i < 3; ++i) subnet.opens(i, id);
  subnet.blocks(1);
  Block block = subnet.propose({});
  auto payload = *agreement::decode_payload(
      block.payload, [](ConnectionId) { return std::optional<agreement::Mode>(Mode::Feed); });
  ASSERT_FALSE(payload.decisions.empty());
  agreement::CarriedReport& carried = payload.reports[0];
  agreement::Report report = *agreement::decode_report(carried.report, subnet.params().agreement);
  report.app_hash = sha256("another state");
  carried.report = agreement::encode_report(report);
  carried.signature =
      HashVerifier::sign(carried.member, Height(block.height.value - 1), carried.report).signature;
  // With one of the three void, the decision has no quorum.
  block.payload = agreement::encode_payload(payload);
  EXPECT_EQ(subnet.judge(block).error().kind, RejectionKind::UnsupportedDecision);
  payload.decisions.clear();
  block.payload = agreement::encode_payload(payload);
  EXPECT_TRUE(subnet.judge(block).has_value());
}

TEST(CarriedBytes, CountWhatGoesWithTheContents) {
  agreement::Decision decision;
  EXPECT_EQ(agreement::carried_bytes(decision), 0u);
  decision.ordered.contents.assign(100, {agreement::ObservationKind::Text, "x", {}});
  decision.ordered.digests.resize(10);
  EXPECT_EQ(agreement::carried_bytes(decision), 100u * 17 + 320);
  const agreement::Payload payload{{}, {{ConnectionId(1), Epoch(1), decision}}};
  EXPECT_LT(agreement::encode_payload(payload).size(), agreement::carried_bytes(decision) + 32);
}

// In both modes, however many connections are flooded with empty frames.
TEST(BlockContents, HoldTheCapWithEmptyMessages) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    ClusterParams params = test_params(4);
    params.block_content_bytes_max = 2'000;
    Harness subnet(params);
    std::vector<ConnectionId> ids;
    for (int i = 0; i < 10; ++i) ids.push_back(subnet.opened(test_open(mode)));
    for (const ConnectionId id : ids) {
      for (int i = 0; i < 300; ++i) subnet.all_see(id, "");
    }
    subnet.blocks(1);
    const auto messages = [&] {
      uint64_t out = 0;
      for (const ConnectionId id : ids) out += subnet.view(id).messages;
      return out;
    };
    for (int i = 0; i < 10; ++i) {
      const uint64_t before = messages();
      const Block block = subnet.propose({});
      const auto payload = agreement::decode_payload(
          block.payload, [mode](ConnectionId) { return std::optional<agreement::Mode>(mode); });
      uint64_t carried = 0;
      for (const auto& decision : payload->decisions) carried += agreement::carried_bytes(decision.decision);
      EXPECT_LE(carried, 2'000u);
      EXPECT_TRUE(subnet.judge(block).has_value());
      subnet.execute(block);
      EXPECT_GT(messages() + (i == 0 ? 1 : 0), before);
    }
    EXPECT_GT(messages(), 800u);
  }
}

// Attack L8.
TEST(BlockContents, AMaximumMessageFitsBesideFullReports) {
  for (const Mode mode : {Mode::Ordered, Mode::Feed}) {
    Harness subnet;
    OpenArguments arguments = test_open(mode);
    arguments.message_bytes_max = subnet.params().message_bytes_max;
    const ConnectionId id = subnet.opened(arguments);
    std::vector<ConnectionId> others;
    for (int i = 0; i < 3; ++i) others.push_back(subnet.opened(test_open(Mode::Feed)));
    for (const ConnectionId other : others) {
      for (size_t replica = 0; replica < 4; ++replica) {
        for (int i = 0; i < 1'100; ++i)
          subnet.sees(replica, other, std::to_string(replica) + " " + std::to_string(i));
      }
    }
    subnet.all_see(id, Bytes(arguments.message_bytes_max, 'm'));
    subnet.blocks(1);
    for (size_t replica = 0; replica < 4; ++replica) {
      EXPECT_GT(subnet.report(replica)->report.size(), subnet.params().report_bytes_max * 9 / 10);
    }
    subnet.blocks(1);
    EXPECT_EQ(subnet.view(id).messages, 1u) << static_cast<int>(mode);
  }
}

TEST(BlockContents, APayloadOverTheCapIsRefusedWhateverFillsIt) {
  ClusterParams params = test_params(4);
  params.block_content_bytes_max = 2'000;
  Harness subnet(params);
  const ConnectionId id = subnet.opened(test_open(Mode::Ordered));
  for (int i = 0; i < 500; ++i) subnet.all_see(id, "");
  subnet.blocks(1);
  Block block = subnet.propose({});
  const auto payload = *agreement::decode_payload(
      block.payload, [](ConnectionId) { return std::optional<agreement::Mode>(Mode::Ordered); });
  ASSERT_EQ(payload.decisions.size(), 1u);
  const auto judged_with = [&](size_t contents, size_t digests) {
    agreement::Payload changed = payload;
    agreement::OrderedDecision& ordered = changed.decisions[0].decision.ordered;
    ordered.contents.resize(contents, ordered.contents.at(0));
    ordered.digests.resize(digests);
    block.payload = agreement::encode_payload(changed);
    const auto judged = subnet.judge(block);
    return judged ? std::optional<RejectionKind>() : judged.error().kind;
  };
  EXPECT_NE(judged_with(125, 0), RejectionKind::Oversize);
  EXPECT_EQ(judged_with(126, 0), RejectionKind::Oversize);
  EXPECT_NE(judged_with(1, 62), RejectionKind::Oversize);
  EXPECT_EQ(judged_with(1, 63), RejectionKind::Oversize);
}

TEST(Prune, DropsBadReportsAndSaysWhy) {
  const ClusterParams params = test_params(4);
  const HashVerifier verifier;
  const Membership members(agreement::genesis_replicas(params.replica_keys));
  const PayloadCheck check(params, members, verifier);
  const auto signed_report = [&](uint32_t member, uint64_t height) {
    agreement::Report report;
    report.chain_id = params.chain_id;
    report.height = Height(height);
    return HashVerifier::sign(ReplicaIndex(member), Height(height), agreement::encode_report(report));
  };
  ProposalRequest request{Height(6), BlockTime(), {}, {}};
  request.reports = {signed_report(3, 5), signed_report(1, 5), signed_report(1, 5), signed_report(0, 4),
                     signed_report(7, 5)};
  std::vector<RejectionKind> why;
  const auto kept = check.prune(request, [&](const Rejection& rejection) { why.push_back(rejection.kind); });
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].member, ReplicaIndex(1));
  EXPECT_EQ(kept[1].member, ReplicaIndex(3));
  EXPECT_EQ(why, (std::vector<RejectionKind>{RejectionKind::DuplicateMember, RejectionKind::WrongHeight,
                                             RejectionKind::UnknownMember}));
}

// A report can be signed for a height far ahead. When a new key has come in between, a replica that has seen
// the report before must judge it as one that has not.
TEST(PayloadCheck, AReportSeenUnderTheOldKeyIsNotGoodUnderTheNewOne) {
  const auto key = [](uint32_t number) { return SigningKey(sha256(std::to_string(number)).view()); };
  ClusterParams params = test_params(4);
  for (uint32_t i = 0; i < 4; ++i) params.replica_keys[i] = key(i).public_key();
  Membership members(agreement::genesis_replicas(params.replica_keys));
  const HashVerifier verifier;
  const PayloadCheck check(params, members, verifier);
  agreement::Report report;
  report.chain_id = params.chain_id;
  report.height = Height(20);
  const auto ahead = HashVerifier::sign(ReplicaIndex(2), Height(20), agreement::encode_report(report),
                                        params.replica_keys[2]);
  EXPECT_TRUE(check.check_one(ahead));
  agreement::SignedSetChange change;
  change.change = {members.newest().hash(), 1, Height(10), members.newest().members};
  change.change.members[2].public_key = key(50).public_key();
  for (const uint32_t i : {0u, 1u, 3u}) {
    change.signatures.push_back(
        {ReplicaIndex(i), key(i).sign(agreement::set_change_sign_bytes(params.chain_id, change.change))});
  }
  ASSERT_TRUE(members.apply(change, Height(5), params.chain_id));
  const auto judged = check.check_one(ahead);
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().kind, RejectionKind::WrongSignature);
}

}  // namespace
}  // namespace icws::replica
