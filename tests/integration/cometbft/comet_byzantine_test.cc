// One of four replicas lies to its node; the chain goes on, and says who sent what was refused.
#include <algorithm>

#include "tests/integration/cometbft/comet_fixture.h"
#include "tests/support/waiting.h"

namespace icws {
namespace {

class CometByzantineTest : public support::CometTest {
 protected:
  void begin_with(const std::string& mode, const std::string& more = {}) {
    const std::string program = support::built_program("icws-replica-byzantine").string();
    begin({"--replica-program", "1=" + program + "," + mode}, more);
  }
  // An honest replica's status has a line with `text`.
  bool named(const std::string& text) {
    return support::poll([&] {
      for (const size_t i : {0, 2, 3}) {
        const auto status = subnet_->replica(i).status(support::kTestDeadline);
        if (!status) continue;
        for (const auto& line : status->rejections()) {
          if (line.find(text) != std::string::npos && status->reports_refused() > 0) return true;
        }
      }
      return false;
    });
  }
};

TEST_F(CometByzantineTest, LyingDigestsFindNoSupportAndNameNobody) {
  begin_with("lie-digests");
  push(200);
  expect_all_on();
  const auto status = subnet_->replica(0).status(support::kTestDeadline);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->reports_refused(), 0u);
}

TEST_F(CometByzantineTest, AnOversizeReportIsRefusedAndNamed) {
  begin_with("oversize-report");
  push(100);
  expect_all_on({0, 2, 3});
  EXPECT_TRUE(named("OVERSIZE: report of replica 1"));
}

TEST_F(CometByzantineTest, AMalformedReportIsRefusedAndNamed) {
  begin_with("malformed-report");
  push(100);
  expect_all_on({0, 2, 3});
  EXPECT_TRUE(named("MALFORMED: report of replica 1"));
}

TEST_F(CometByzantineTest, ForgedContentsAreRefused) {
  begin_with("forge-contents");
  EXPECT_TRUE(support::poll([&] {
    push(1);
    const auto status = subnet_->replica(0).status(support::kTestDeadline);
    return status && std::ranges::any_of(status->rejections(), [](const auto& line) {
             return line.find("UNSUPPORTED_DECISION") != std::string::npos ||
                    line.find("WRONG_CONTENT") != std::string::npos;
           });
  }));
  expect_all_on({0, 2, 3});
}

TEST_F(CometByzantineTest, AProposerThatLeavesOutReportsIsRefused) {
  begin_with("prune-reports");
  push(100);
  expect_all_on({0, 2, 3});
  EXPECT_TRUE(named("WRONG_COMMIT: reports of 0 replicas"));
}

}  // namespace
}  // namespace icws
