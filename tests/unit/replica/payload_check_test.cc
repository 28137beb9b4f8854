#include "replica/payload_check.h"

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
  EXPECT_EQ(carried_bytes_of(decision), 0u);
  decision.ordered.contents.assign(100, {agreement::ObservationKind::Text, "x", {}});
  decision.ordered.digests.resize(10);
  EXPECT_EQ(content_bytes_of(decision), 100u);
  EXPECT_EQ(carried_bytes_of(decision), 100u * 17 + 320);
}

TEST(Prune, DropsBadReportsAndSaysWhy) {
  const ClusterParams params = test_params(4);
  const HashVerifier verifier;
  const PayloadCheck check(params, verifier);
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

}  // namespace
}  // namespace icws::replica
