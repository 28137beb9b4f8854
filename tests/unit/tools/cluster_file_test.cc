#include "tools/cluster_file.h"

#include <gmock/gmock.h>

namespace icws::tools {
namespace {

using testing::HasSubstr;

replica::ClusterParams sample() {
  replica::ClusterParams params;
  params.chain_id = "chain-1";
  params.replica_keys = {Bytes(32, 'a'), Bytes(32, '\xff')};
  params.report_bytes_max = 4'321;
  params.agreement.hold_back = Milliseconds(77);
  params.reconnect_first = Milliseconds(55);
  return params;
}

TEST(ClusterFile, ReadsBackWhatItWrote) {
  const auto read = parse_cluster(format_cluster(sample()));
  ASSERT_TRUE(read) << read.error().front();
  EXPECT_EQ(read->hash(), sample().hash());
  EXPECT_EQ(read->agreement.hold_back, Milliseconds(77));
}

TEST(ClusterFile, FillsInDefaults) {
  const auto read = parse_cluster(R"({"chain_id": "c", "replica_keys": [")" + std::string(64, '0') + "\"]}");
  ASSERT_TRUE(read) << read.error().front();
  EXPECT_EQ(read->report_bytes_max, replica::ClusterParams().report_bytes_max);
}

TEST(ClusterFile, TellsAllFaultsAtOnce) {
  const auto read = parse_cluster(
      R"({"chain_id": "", "replica_keys": ["zz"], "params": {"nonsense": 1, "report_bytes_max": -1},
          "agreement": {"hold_back_ms": 1.5, "head_window": 0}, "extra": 1})");
  ASSERT_FALSE(read);
  std::string all;
  for (const auto& fault : read.error()) all += fault + "\n";
  EXPECT_EQ(read.error().size(), 7u) << all;
  for (const char* what : {"chain_id", "replica_keys[0]", "params.nonsense", "params.report_bytes_max",
                           "agreement.hold_back_ms", "agreement.head_window", "extra"}) {
    EXPECT_THAT(all, HasSubstr(what));
  }
}

TEST(ClusterFile, RefusesLimitsThatDoNotFitTogether) {
  const auto faults_with = [](const std::string& params) {
    const auto read = parse_cluster(R"({"chain_id": "c", "replica_keys": [")" + std::string(64, '0') +
                                    R"("], "params": )" + params + "}");
    return read ? std::vector<std::string>{} : read.error();
  };
  EXPECT_THAT(faults_with(R"({"message_bytes_max": 2000000})"), testing::IsEmpty());
  EXPECT_THAT(faults_with(R"({"message_bytes_max": 2000001})"), testing::ElementsAre(HasSubstr("adapter")));
  EXPECT_THAT(faults_with(R"({"block_content_bytes_max": 1999999})"),
              testing::ElementsAre(HasSubstr("block_content_bytes_max")));
  EXPECT_THAT(faults_with(R"({"inbox_bytes_max": 1999999, "outbox_bytes_max": 1999999})"),
              testing::ElementsAre(HasSubstr("inbox_bytes_max"), HasSubstr("outbox_bytes_max")));
  EXPECT_THAT(faults_with(R"({"connections_max": 299})"), testing::ElementsAre(HasSubstr("connections_max")));
  EXPECT_THAT(faults_with(R"({"reconnect_first_ms": 2, "reconnect_longest_ms": 1})"),
              testing::ElementsAre(HasSubstr("reconnect_longest")));
}

TEST(ClusterFile, RefusesWhatIsNoObjectAndWhatIsMissing) {
  EXPECT_FALSE(parse_cluster(""));
  EXPECT_FALSE(parse_cluster("[]"));
  const auto empty = parse_cluster("{}");
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().size(), 2u);
}

}  // namespace
}  // namespace icws::tools
