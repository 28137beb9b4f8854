#include "replica/socket_sends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/archive.h"

namespace icws::replica {
namespace {

using testing::ElementsAre;

constexpr uint32_t kSelf = 1;

// One socket of member 1, on a connection whose state the test makes.
class SocketSendsTest : public testing::Test {
 protected:
  explicit SocketSendsTest(Writers writers = Writers::Single) {
    record_.arguments.writers = writers;
    record_.arguments.script = {{MessageKind::Text, "script"}};
    record_.epoch_first_send = SendSequence(1);
  }
  void queue(const Bytes& text, bool everyone = false) {
    record_.last_send = record_.last_send.next();
    outbox_.messages.push_back(QueuedSend{record_.last_send, MessageKind::Text, text, everyone});
  }
  void free(uint64_t up_to) {
    record_.freed_send = SendSequence(up_to);
    while (!outbox_.messages.empty() && outbox_.messages.front().sequence.value <= up_to)
      outbox_.messages.pop_front();
  }
  void assign(uint32_t turn, uint64_t first) {
    record_.sends.writers = {
        agreement::Writer{kSelf, turn, SendSequence(first), SendSequence(first - 1), {}, false}};
  }
  void replace() { record_.sends.writers.at(0).replaced = true; }
  void take() { sends_.take(record_, outbox_, kSelf); }
  // Number and content of what the adapter is told now.
  std::vector<std::string> told(uint64_t accepted) {
    std::vector<std::string> out;
    for (const SendCommand& send : sends_.after(SocketKey{}, record_.arguments.script, accepted))
      out.push_back(std::to_string(send.sequence) + " " + send.content);
    return out;
  }
  void restart() {
    auto saved = archive_decode<SocketSends::Record>(archive_encode(sends_.save(record_.freed_send)));
    ASSERT_TRUE(saved);
    saved->gather(outbox_);
    sends_ = SocketSends(std::move(*saved));
  }

  Connection record_;
  Outbox outbox_;
  SocketSends sends_{1, SendSequence(0)};
};

TEST_F(SocketSendsTest, TheScriptComesFirstAndOnlyWhatIsAssignedFollows) {
  queue("a");
  take();
  EXPECT_THAT(told(0), ElementsAre("1 script"));
  EXPECT_EQ(sends_.bytes(), 0u);
  assign(1, 1);
  take();
  EXPECT_THAT(told(1), ElementsAre("2 a"));
  sends_.confirm(1);
  EXPECT_EQ(sends_.confirmed(), SendSequence(0));
  sends_.confirm(2);
  EXPECT_EQ(sends_.confirmed(), SendSequence(1));
}

TEST_F(SocketSendsTest, ANumberThatTheAdapterMayKnowIsNeverGivenToAnother) {
  assign(1, 1);
  queue("a");
  queue("b");
  take();
  EXPECT_THAT(told(1), ElementsAre("2 a", "3 b"));
  // Another has taken over and both are written; then this member is assigned again.
  replace();
  free(2);
  take();
  assign(3, 3);
  queue("c");
  take();
  // The adapter has lost the stream in between: it is told all three.
  EXPECT_THAT(told(1), ElementsAre("2 a", "3 b", "4 c"));
}

TEST_F(SocketSendsTest, WhatTheAdapterHasNotHeardOfGoesToTheSuccessor) {
  assign(1, 1);
  queue("a");
  take();
  told(1);
  queue("b");
  take();
  replace();
  take();
  EXPECT_THAT(told(1), ElementsAre("2 a"));
  free(2);
  assign(3, 3);
  queue("c");
  take();
  EXPECT_THAT(told(2), ElementsAre("3 c"));
  sends_.confirm(3);
  EXPECT_EQ(sends_.confirmed(), SendSequence(3));
}

TEST_F(SocketSendsTest, ARestartKeepsNumbersAndWhatWasFreedMeanwhile) {
  record_.arguments.writers = Writers::All;
  queue("a");
  queue("b");
  take();
  free(1);
  queue("c");
  take();
  restart();
  EXPECT_THAT(told(1), ElementsAre("2 a", "3 b", "4 c"));
  sends_.confirm(3);
  restart();
  EXPECT_EQ(sends_.confirmed(), SendSequence(2));
  EXPECT_THAT(told(1), ElementsAre("4 c"));
}

// Attack S8.
TEST_F(SocketSendsTest, OneThatLostItsStateWritesAgainOnlyUnderANewTurn) {
  assign(1, 1);
  queue("a");
  sends_.adopt(record_, 5, false, kSelf);
  take();
  EXPECT_THAT(told(5), ElementsAre());
  sends_.confirm(5);
  EXPECT_EQ(sends_.confirmed(), SendSequence(0));
  restart();
  take();
  EXPECT_THAT(told(5), ElementsAre());
  assign(2, 1);
  take();
  EXPECT_THAT(told(5), ElementsAre("6 a"));
}

TEST_F(SocketSendsTest, AnOrderedSocketKnowsItsNumbersWithoutItsState) {
  record_.arguments.writers = Writers::All;
  queue("a");
  queue("b");
  queue("c");
  free(1);
  // The script, a and b.
  sends_.adopt(record_, 3, true, kSelf);
  take();
  EXPECT_THAT(told(3), ElementsAre("4 c"));
  sends_.confirm(3);
  EXPECT_EQ(sends_.confirmed(), SendSequence(2));
}

TEST_F(SocketSendsTest, WhatEveryoneWritesIsTakenOnceItIsTheOldest) {
  queue("a");
  queue("script", true);
  take();
  EXPECT_THAT(told(1), ElementsAre());
  free(1);
  take();
  EXPECT_THAT(told(1), ElementsAre("2 script"));
  // A quorum was faster: it is written all the same.
  free(2);
  take();
  EXPECT_THAT(told(1), ElementsAre("2 script"));
}

TEST_F(SocketSendsTest, ProgressThatCannotBeIsIgnored) {
  assign(1, 1);
  queue("a");
  take();
  sends_.confirm(99);
  EXPECT_EQ(sends_.confirmed(), SendSequence(0));
}

}  // namespace
}  // namespace icws::replica
