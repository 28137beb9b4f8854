// Mode ordered on streams that differ: the connection ends in an agreed divergence, with evidence that holds
// with the replicas' public keys alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "agreement/report_codec.h"
#include "engine/local/report_signature.h"
#include "tests/integration/subnet/subnet_fixture.h"
#include "tests/support/capture.h"
#include "tests/support/replay_server.h"
#include "tools/cluster_file.h"

namespace icws {
namespace {

constexpr size_t kFaultyMax = 1;  // f of four replicas

replica::ClusterParams read_cluster(const tools::SubnetLayout& layout) {
  std::ifstream in(layout.cluster_file());
  std::ostringstream text;
  text << in.rdbuf();
  auto cluster = tools::parse_cluster(text.str());
  if (!cluster) throw std::runtime_error("no cluster file");
  return std::move(*cluster);
}

replica::SignedReport report_of(const replica::v1::Claim& claim) {
  return {ReplicaIndex(claim.member()), Height(claim.height()), claim.report(), claim.signature()};
}

// Whether the signed report says what the claim says: this head at the position after the agreed ones, or
// that its member is not on the chain.
bool report_supports(const agreement::Report& report, const replica::v1::Claim& claim, ConnectionId id,
                     Position next) {
  const auto section = std::ranges::find(report.sections, id, &agreement::Section::connection);
  if (section == report.sections.end()) return false;
  if (claim.head().empty()) {
    return section->status == agreement::MemberStatus::OutMismatch ||
           section->status == agreement::MemberStatus::OutLost;
  }
  return std::ranges::any_of(section->heads, [&](const agreement::Head& head) {
    return head.position == next && to_hex(head.digest.view()) == to_hex(claim.head());
  });
}

class OrderedDivergenceTest : public testing::Test {
 protected:
  OrderedDivergenceTest() { std::cout << "streams: " << feed_.origin << "\n"; }

  void open() {
    boost::json::object arguments{{"url", server_.url()}, {"mode", "ordered"}, {"json", true}};
    arguments["drop"] = boost::json::array{"/id"};
    arguments["script"] = boost::json::value_from(feed_.streams[0].subscriptions);
    const std::string reply = subnet_.call("echo", "open", boost::json::serialize(arguments));
    id_ = boost::json::parse(reply).at("connection").to_number<uint64_t>();
  }

  const support::Feed feed_ = support::load_feed();
  support::ReplayServer server_{feed_.streams, {}};
  support::Subnet subnet_;
  uint64_t id_ = 0;
};

TEST_F(OrderedDivergenceTest, EndsInAnAgreedDivergenceWithEvidenceThatVerifies) {
  open();
  ASSERT_TRUE(subnet_.wait_for(id_, [](const auto& view) { return view.state() == "closed"; }));
  EXPECT_EQ(subnet_.heads(id_).size(), 1u);
  const auto transcript = subnet_.transcript(1, id_);
  const auto& closed = transcript.back().closed();
  EXPECT_EQ(closed.cause(), "DIVERGED");
  EXPECT_NE(closed.message().find("use mode feed"), std::string::npos) << closed.message();
  EXPECT_TRUE(closed.was_open());
  EXPECT_GT(transcript.size(), 2u) << "what was equal has been agreed";

  const auto cluster = read_cluster(subnet_.layout());
  const engine::LocalReportVerifier verifier(cluster.chain_id);
  // Opened is position 1, so positions and entries count alike, the closing entry aside.
  const Position next(transcript.size());
  std::set<std::pair<uint32_t, std::string>> claims;
  std::set<std::string> heads;
  for (const auto& claim : closed.evidence()) {
    replica::SignedReport report = report_of(claim);
    EXPECT_TRUE(verifier.verify(report, cluster.replica_keys.at(claim.member())))
        << "replica " << claim.member();
    const auto decoded = agreement::decode_report(report.report, cluster.agreement);
    ASSERT_TRUE(decoded) << "replica " << claim.member();
    EXPECT_TRUE(report_supports(*decoded, claim, ConnectionId(id_), next)) << "replica " << claim.member();
    claims.emplace(claim.member(), claim.head());
    heads.insert(claim.head());
    const uint32_t other = (claim.member() + 1) % support::Subnet::kReplicas;
    EXPECT_FALSE(verifier.verify(report, cluster.replica_keys.at(other))) << "nobody else can have signed it";
  }
  EXPECT_GT(claims.size(), kFaultyMax) << "one liar could have made it up";
  EXPECT_GT(heads.size(), 1u) << "they claim different things";
}

}  // namespace
}  // namespace icws
