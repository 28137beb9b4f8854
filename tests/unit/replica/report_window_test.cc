#include "replica/report_window.h"

#include <gtest/gtest.h>

namespace icws::replica {
namespace {

using agreement::Section;

const std::vector<ReplicaIndex> kCommittee{ReplicaIndex(0), ReplicaIndex(2), ReplicaIndex(5)};

BlockReports block(uint64_t height, ReplicaIndex member, std::vector<Section> sections) {
  BlockReports out;
  out.height = Height(height);
  agreement::Report report;
  report.height = Height(height - 1);
  report.sections = std::move(sections);
  const Bytes name = "report of " + std::to_string(height);
  out.stored.push_back(StoredReport{member, report.height, name, {}});
  out.members.push_back(BlockReports::Member{member, std::make_shared<agreement::Report>(std::move(report))});
  return out;
}

Section section(uint64_t connection, uint32_t epoch = 1) {
  Section out;
  out.connection = ConnectionId(connection);
  out.epoch = Epoch(epoch);
  return out;
}

agreement::View view(const ReportWindow& window, uint64_t height, uint32_t epoch = 1) {
  return window.view(ConnectionId(7), Epoch(epoch), kCommittee, Height(height));
}

// Attack L5.
TEST(ReportWindow, KeepsASectionInForceForWBlocks) {
  ReportWindow window(4);
  window.push(block(10, ReplicaIndex(2), {section(7)}));
  for (uint64_t height = 10; height <= 13; ++height) {
    const agreement::View seen = view(window, height);
    ASSERT_EQ(seen.size(), 3u);
    EXPECT_EQ(seen[0].section, nullptr);
    ASSERT_NE(seen[1].section, nullptr) << height;
    EXPECT_EQ(seen[1].height, Height(9));
  }
  EXPECT_EQ(view(window, 14)[1].section, nullptr);
  EXPECT_EQ(window.oldest_in_force(Height(13)), Height(10));
  window.prune(Height(13));
  EXPECT_EQ(window.blocks().size(), 1u);
  window.prune(Height(14));
  EXPECT_TRUE(window.blocks().empty());
}

TEST(ReportWindow, TheNewestSectionCountsAndSilenceSaysNothing) {
  ReportWindow window(4);
  window.push(block(10, ReplicaIndex(2), {section(7)}));
  Section newer = section(7);
  newer.sent_up_to = SendSequence(3);
  window.push(block(11, ReplicaIndex(2), {newer}));
  // A report without this connection does not take the older section away.
  window.push(block(12, ReplicaIndex(2), {section(6), section(8)}));
  ASSERT_NE(view(window, 12)[1].section, nullptr);
  EXPECT_EQ(view(window, 12)[1].section->sent_up_to, SendSequence(3));
}

TEST(ReportWindow, AnotherEpochAndStrangersDoNotCount) {
  ReportWindow window(4);
  window.push(block(10, ReplicaIndex(2), {section(7, 1)}));
  window.push(block(11, ReplicaIndex(1), {section(7, 2)}));
  for (const agreement::InForce& member : view(window, 11, 2)) EXPECT_EQ(member.section, nullptr);
  EXPECT_NE(view(window, 11, 1)[1].section, nullptr);
}

// What the merged index gives is what every report says, whoever lists what.
TEST(ReportWindow, FindsEachMembersSectionAmongMany) {
  BlockReports reports;
  reports.height = Height(10);
  for (uint32_t member = 0; member < 7; ++member) {
    agreement::Report report;
    report.height = Height(9);
    for (uint64_t connection = 1; connection <= 50; ++connection) {
      if ((connection + member) % 3 == 0) continue;
      Section added = section(connection);
      added.sent_up_to = SendSequence(100 * connection + member);
      report.sections.push_back(std::move(added));
    }
    reports.members.push_back({ReplicaIndex(member), std::make_shared<agreement::Report>(std::move(report))});
  }
  ReportWindow window(4);
  window.push(std::move(reports));
  for (uint64_t connection = 0; connection <= 51; ++connection) {
    const agreement::View seen = window.view(ConnectionId(connection), Epoch(1), kCommittee, Height(10));
    for (size_t i = 0; i < kCommittee.size(); ++i) {
      const bool there = connection >= 1 && connection <= 50 && (connection + kCommittee[i].value) % 3 != 0;
      ASSERT_EQ(seen[i].section != nullptr, there) << connection;
      if (there) EXPECT_EQ(seen[i].section->sent_up_to.value, 100 * connection + kCommittee[i].value);
    }
  }
}

TEST(ReportWindow, AtTheBeginningOfTheChainNothingUnderflows) {
  ReportWindow window(4);
  EXPECT_EQ(window.oldest_in_force(Height(0)), Height(0));
  EXPECT_EQ(window.oldest_in_force(Height(3)), Height(0));
  EXPECT_EQ(window.oldest_in_force(Height(4)), Height(1));
}

TEST(ReportWindow, EvidenceIsTheReportThatCarriesTheSection) {
  ReportWindow window(4);
  window.push(block(10, ReplicaIndex(2), {section(7)}));
  window.push(block(11, ReplicaIndex(2), {section(6)}));
  const StoredReport* found = window.carrying(ReplicaIndex(2), ConnectionId(7), Epoch(1));
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->report, "report of 10");
  EXPECT_EQ(window.carrying(ReplicaIndex(2), ConnectionId(7), Epoch(2)), nullptr);
  EXPECT_EQ(window.carrying(ReplicaIndex(3), ConnectionId(7), Epoch(1)), nullptr);
}

}  // namespace
}  // namespace icws::replica
