#include "engine/host/submissions.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/support/waiting.h"

namespace icws::engine {
namespace {

class SubmissionsTest : public testing::Test {
 protected:
  using Outcome = std::expected<CallOutcome, SubmissionError>;
  std::future<Outcome> submit(Bytes transaction) {
    const size_t before = submissions_.waiting();
    auto future = std::async(std::launch::async, [this, transaction = std::move(transaction)] {
      return submissions_.submit(transaction, support::kTestDeadline);
    });
    while (submissions_.waiting() == before) std::this_thread::yield();
    return future;
  }
  void commit(std::vector<Bytes> transactions) {
    replica::Block block;
    block.height = Height(9);
    block.transactions = std::move(transactions);
    replica::BlockResult result;
    for (const auto& transaction : block.transactions) result.results.push_back({true, "ran " + transaction});
    submissions_.on_block(block, result);
  }

  Submissions submissions_{SubmissionLimits{.calls_max = 2, .bytes_max = 10}};
};

TEST_F(SubmissionsTest, ReturnsTheResultOfItsOwnTransaction) {
  auto a = submit("a");
  auto b = submit("b");
  EXPECT_EQ(submissions_.oldest(100), (std::vector<Bytes>{"a", "b"}));
  commit({"x", "b"});
  const auto outcome = b.get();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result.reply, "ran b");
  EXPECT_EQ(outcome->height, Height(9));
  EXPECT_EQ(submissions_.oldest(100), std::vector<Bytes>{"a"});
  commit({"a"});
  EXPECT_TRUE(a.get());
  EXPECT_EQ(submissions_.waiting(), 0u);
}

TEST_F(SubmissionsTest, GivesOutNoMoreBytesThanAskedFor) {
  auto a = submit("aaa");
  auto b = submit("bbb");
  EXPECT_EQ(submissions_.oldest(5), std::vector<Bytes>{"aaa"});
  EXPECT_EQ(submissions_.oldest(2), std::vector<Bytes>{"aaa"})
      << "it would wait for ever, and what is behind";
  EXPECT_TRUE(submissions_.oldest(0).empty());
  submissions_.stop();
  EXPECT_EQ(a.get().error(), SubmissionError::Stopping);
  EXPECT_EQ(b.get().error(), SubmissionError::Stopping);
  EXPECT_EQ(submissions_.submit("c", Milliseconds(0)).error(), SubmissionError::Stopping);
}

TEST_F(SubmissionsTest, RefusesOverItsLimitsAndTheSameTwice) {
  auto a = submit("aaaaa");
  EXPECT_EQ(submissions_.submit("aaaaa", Milliseconds(0)).error(), SubmissionError::Duplicate);
  EXPECT_EQ(submissions_.submit("bbbbbb", Milliseconds(0)).error(), SubmissionError::Full);
  EXPECT_EQ(submissions_.submit("bbbbb", Milliseconds(0)).error(), SubmissionError::TimedOut);
  auto b = submit("b");
  EXPECT_EQ(submissions_.submit("c", Milliseconds(0)).error(), SubmissionError::Full);
  commit({"aaaaa", "b"});
  EXPECT_TRUE(a.get());
  EXPECT_TRUE(b.get());
}

TEST_F(SubmissionsTest, ArrivalsAreCountedAndStayPendingUntilTheyRan) {
  EXPECT_FALSE(submissions_.wait_for_arrival(0, Milliseconds(1)));
  auto a = submit("a");
  auto b = submit("b");
  EXPECT_TRUE(submissions_.wait_for_arrival(0, support::kTestDeadline));
  EXPECT_TRUE(submissions_.wait_for_arrival(1, support::kTestDeadline));
  EXPECT_FALSE(submissions_.wait_for_arrival(2, Milliseconds(1)));
  ASSERT_EQ(submissions_.pending(0).size(), 2u);
  ASSERT_EQ(submissions_.pending(1).size(), 1u);
  EXPECT_EQ(submissions_.pending(1)[0].transaction, "b");
  commit({"b"});
  b.get();
  ASSERT_EQ(submissions_.pending(0).size(), 1u);
  EXPECT_EQ(submissions_.pending(0)[0].arrival, 0u);
  commit({"a"});
  a.get();
}

TEST_F(SubmissionsTest, AnArrivalWakesWhoWaitsForIt) {
  auto woken = std::async(std::launch::async,
                          [this] { return submissions_.wait_for_arrival(0, support::kTestDeadline); });
  auto a = submit("a");
  EXPECT_TRUE(woken.get());
  commit({"a"});
  a.get();
}

}  // namespace
}  // namespace icws::engine
