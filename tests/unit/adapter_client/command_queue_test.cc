#include "adapter_client/command_queue.h"

#include <gtest/gtest.h>

namespace icws::adapter_client {
namespace {

replica::SocketKey key_of(uint64_t connection) { return {ConnectionId(connection), Epoch(1), Attempt(1)}; }

replica::SendCommand send(uint64_t connection, uint64_t sequence, size_t bytes = 1) {
  return {key_of(connection), sequence, replica::MessageKind::Text, Bytes(bytes, 'a')};
}

std::vector<uint64_t> sequences(const CommandQueue::Call& call) {
  std::vector<uint64_t> out;
  for (const auto& message : std::get<CommandQueue::Sends>(call).messages) out.push_back(message.sequence);
  return out;
}

TEST(CommandQueue, KeepsASocketsOrderWithOneCallUnderWay) {
  CommandQueue queue;
  replica::OpenCommand open;
  open.key = key_of(1);
  queue.push(open);
  queue.push(send(1, 1));
  queue.push(send(1, 2));
  queue.push(replica::CloseCommand{key_of(1), 1000, ""});
  queue.push(send(2, 1));
  EXPECT_TRUE(std::holds_alternative<replica::OpenCommand>(*queue.next()));
  EXPECT_EQ(sequences(*queue.next()), (std::vector<uint64_t>{1}));
  EXPECT_FALSE(queue.next());
  queue.done(key_of(1));
  EXPECT_EQ(sequences(*queue.next()), (std::vector<uint64_t>{1, 2}));
  queue.done(key_of(1));
  EXPECT_TRUE(std::holds_alternative<replica::CloseCommand>(*queue.next()));
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(CommandQueue, RepeatsWhatWasNotAccepted) {
  CommandQueue queue;
  for (uint64_t i = 1; i <= 3; ++i) queue.push(send(1, i));
  auto call = queue.next();
  queue.push(send(1, 4));
  queue.done_partly(std::get<CommandQueue::Sends>(std::move(*call)), 1);
  EXPECT_FALSE(queue.next());
  queue.resume(key_of(1));
  EXPECT_EQ(sequences(*queue.next()), (std::vector<uint64_t>{2, 3, 4}));
}

TEST(CommandQueue, LetsSendsIssuedAgainReplaceThoseThatWait) {
  CommandQueue queue;
  queue.push(send(1, 10));
  auto call = queue.next();
  queue.push(send(1, 11));
  for (uint64_t i = 8; i <= 10; ++i) queue.push(send(1, i));
  queue.done_partly(std::get<CommandQueue::Sends>(std::move(*call)), 7);
  queue.resume(key_of(1));
  EXPECT_EQ(sequences(*queue.next()), (std::vector<uint64_t>{8, 9, 10}));
}

TEST(CommandQueue, KeepsARequestBelowItsLimit) {
  CommandQueue queue;
  queue.push(send(1, 1, 2'000'000));
  queue.push(send(1, 2, 2'000'000));
  EXPECT_EQ(sequences(*queue.next()).size(), 1U);
}

TEST(CommandQueue, CoalescesAcknowledgements) {
  CommandQueue queue;
  for (const uint64_t event : {3, 9, 5}) {
    queue.push(replica::AcknowledgeCommand{key_of(1), EventSequence(event), {}, {}});
  }
  queue.push(replica::AcknowledgeCommand{key_of(2), EventSequence(1), {}, {}});
  const auto taken = queue.take_acknowledgements(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].event.value, 9U);
  EXPECT_EQ(queue.take_acknowledgements(10).size(), 1U);
  EXPECT_FALSE(queue.has_acknowledgements());
}

TEST(CommandQueue, DropsTheSendsOfASocketThatEnded) {
  CommandQueue queue;
  queue.push(send(1, 1));
  queue.push(replica::CloseCommand{key_of(1), 1000, ""});
  queue.next();
  queue.push(send(1, 2));
  queue.drop_sends(key_of(1));
  queue.done(key_of(1));
  EXPECT_TRUE(std::holds_alternative<replica::CloseCommand>(*queue.next()));
  EXPECT_EQ(queue.bytes(), 0U);
}

}  // namespace
}  // namespace icws::adapter_client
