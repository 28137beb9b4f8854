#include "agreement/ordered_log.h"

#include <gtest/gtest.h>

namespace icws::agreement {
namespace {

OrderedLog log_of(size_t count) {
  OrderedLog log({EventSequence(0), Position(0), Digest{}});
  for (size_t i = 1; i <= count; ++i) {
    log.append(Observation{ObservationKind::Text, std::to_string(i), {}}, EventSequence(i), LocalTime{});
  }
  return log;
}

TEST(OrderedLog, HeadsDoubleAndEndAtTheNewest) {
  for (uint64_t count = 0; count <= 70; ++count) {
    const OrderedLog log = log_of(count);
    const std::vector<Head> heads = log.heads(Position(0), 8'192);
    ASSERT_EQ(heads.empty(), count == 0);
    if (count == 0) continue;
    EXPECT_EQ(heads.front().position, Position(1));
    EXPECT_EQ(heads.back().position, Position(count));
    for (size_t i = 0; i + 1 < heads.size(); ++i) EXPECT_EQ(heads[i].position.value, uint64_t{1} << i);
    for (const Head& head : heads) EXPECT_EQ(head.digest, log.at(head.position)->head);
  }
}

TEST(OrderedLog, HeadsEndAtTheWindow) {
  const std::vector<Head> heads = log_of(100).heads(Position(0), 64);
  EXPECT_EQ(heads.back().position, Position(64));
  EXPECT_EQ(heads.size(), 7u);
}

TEST(OrderedLog, AdvancingFreesAndKeepsTheChain) {
  OrderedLog log = log_of(10);
  const Digest fourth = log.at(Position(4))->head, tenth = log.at(Position(10))->head;
  EXPECT_EQ(log.advance(Position(4), fourth).size(), 4u);
  EXPECT_EQ(log.agreed().event, EventSequence(4));
  EXPECT_EQ(log.at(Position(4)), nullptr);
  EXPECT_EQ(log.at(Position(10))->head, tenth);
  EXPECT_EQ(log.newest(), Position(10));
  EXPECT_TRUE(log.advance(Position(3), Digest{}).empty());  // older news changes nothing
  EXPECT_TRUE(log.in_chain());
}

TEST(OrderedLog, AShorterLogComparesWhenItGetsThere) {
  const OrderedLog whole = log_of(10);
  OrderedLog same = log_of(5), other = log_of(5);
  same.advance(Position(8), whole.at(Position(8))->head);
  other.advance(Position(8), Digest{});
  for (size_t i = 6; i <= 8; ++i) {
    EXPECT_TRUE(same.heads(Position(8), 100).empty());
    for (OrderedLog* log : {&same, &other}) {
      log->append(Observation{ObservationKind::Text, std::to_string(i), {}}, EventSequence(i), LocalTime{});
    }
  }
  EXPECT_TRUE(same.in_chain());
  EXPECT_EQ(same.agreed().position, Position(8));
  EXPECT_FALSE(other.in_chain());
}

TEST(OrderedLog, AShorterLogIsFreedAtOnce) {
  const OrderedLog whole = log_of(10);
  OrderedLog log = log_of(5);
  EXPECT_EQ(log.advance(Position(8), whole.at(Position(8))->head).size(), 5u);
  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.agreed().event, EventSequence(5));
  EXPECT_EQ(log.agreed().position, Position(5));
  // Its own head: a log that begins there after a restart goes on the same.
  OrderedLog restarted(log.agreed());
  restarted.advance(Position(8), whole.at(Position(8))->head);
  for (size_t i = 6; i <= 8; ++i) {
    restarted.append(Observation{ObservationKind::Text, std::to_string(i), {}}, EventSequence(i),
                     LocalTime{});
  }
  EXPECT_TRUE(restarted.in_chain());
  EXPECT_EQ(restarted.agreed().position, Position(8));
  EXPECT_EQ(restarted.agreed().head, whole.at(Position(8))->head);
}

TEST(OrderedLog, ALogThatStaysBehindComparesAllTheSame) {
  const OrderedLog whole = log_of(200);
  OrderedLog same = log_of(1);
  // The other one's socket missed the first message.
  OrderedLog other({EventSequence(0), Position(0), Digest{}});
  for (size_t i = 2; i <= 100; ++i) {
    const Observation seen{ObservationKind::Text, std::to_string(i), {}};
    for (OrderedLog* log : {&same, &other}) {
      // Always far behind what was agreed on.
      log->advance(Position(i + 20), whole.at(Position(i + 20))->head);
      log->append(seen, EventSequence(i), LocalTime{});
    }
    EXPECT_TRUE(same.in_chain());
    EXPECT_LE(same.size() + (other.in_chain() ? other.size() : 0), 2u);
  }
  EXPECT_EQ(same.agreed().event, EventSequence(100));
  EXPECT_FALSE(other.in_chain());
}

TEST(OrderedLog, AMismatchIsForGood) {
  OrderedLog log = log_of(5);
  const Digest fifth = log.at(Position(5))->head;
  log.advance(Position(2), Digest{});
  EXPECT_FALSE(log.in_chain());
  log.advance(Position(5), fifth);
  EXPECT_FALSE(log.in_chain());
}

}  // namespace
}  // namespace icws::agreement
