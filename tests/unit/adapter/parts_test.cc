// The response head, the send queue.
#include <gtest/gtest.h>

#include <algorithm>

#include "adapter/send_queue.h"
#include "adapter/upgrade.h"

namespace icws::adapter {
namespace {

TEST(ResponseHead, EndsAtTheEmptyLine) {
  ResponseHead head;
  const Bytes text = "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n";
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    ASSERT_TRUE(head.feed(BytesView(text).substr(i, 1)));
    ASSERT_FALSE(head.done());
  }
  EXPECT_EQ(head.feed("\nrest"), 1U);
  EXPECT_TRUE(head.done());
  EXPECT_EQ(head.text(), text);
}

TEST(ResponseHead, RefusesWhatCannotBeOne) {
  EXPECT_FALSE(ResponseHead().feed("HTTX"));
  EXPECT_FALSE(ResponseHead().feed("SSH-2.0-x"));
  EXPECT_TRUE(ResponseHead().feed("HTTP/1"));
}

TEST(ResponseHead, KeepsToItsLimits) {
  ResponseLimits limits;
  limits.line_bytes_max = 20;
  limits.lines_max = 2;
  limits.header_bytes_max = 50;
  EXPECT_TRUE(ResponseHead(limits).feed("HTTP/1.1 101 12345\r\n"));
  EXPECT_FALSE(ResponseHead(limits).feed("HTTP/1.1 101 123456\r\n"));
  EXPECT_TRUE(ResponseHead(limits).feed("HTTP/1.1 101 x\r\na: b\r\n\r\n"));
  EXPECT_FALSE(ResponseHead(limits).feed("HTTP/1.1 101 x\r\na: b\r\nc: d\r\n\r\n"));
}

TEST(SendQueue, TakesEachSequenceOnceAndInOrder) {
  SendQueue queue(3, 100);
  using enum SendQueue::Accepted;
  EXPECT_EQ(queue.push(2, replica::MessageKind::Text, "b"), kFull);
  EXPECT_EQ(queue.push(1, replica::MessageKind::Text, "a"), kYes);
  EXPECT_EQ(queue.push(1, replica::MessageKind::Text, "a"), kYes);
  EXPECT_EQ(queue.push(2, replica::MessageKind::Text, Bytes(99, 'b')), kYes);
  EXPECT_EQ(queue.push(3, replica::MessageKind::Text, "c"), kFull);
  MaskKeys keys;
  Bytes out;
  queue.encode(out, 1, keys);
  EXPECT_EQ(queue.encoded_up_to(), 1U);
  EXPECT_EQ(queue.push(3, replica::MessageKind::Text, "c"), kYes);
  EXPECT_EQ(queue.accepted_up_to(), 3U);
}

TEST(SendQueue, CompressesWhatIsLongEnough) {
  SendQueue queue(3, 10'000);
  queue.compress_with(ws::Deflater({}));
  const Bytes text(1'000, 'x');
  queue.push(1, replica::MessageKind::Text, "short");
  queue.push(2, replica::MessageKind::Text, text);
  queue.push(3, replica::MessageKind::Binary, text);
  MaskKeys keys;
  Bytes out;
  queue.encode(out, 100'000, keys);
  EXPECT_LT(out.size(), 100U);
  const auto first_byte = [&] { return static_cast<uint8_t>(out[0]); };
  EXPECT_EQ(first_byte(), 0x81);
  out.erase(0, 6 + 5);
  EXPECT_EQ(first_byte(), 0xC1);
  out.erase(0, 6 + (static_cast<uint8_t>(out[1]) & 0x7F));
  EXPECT_EQ(first_byte(), 0xC2);
}

// The payloads of the frames in `out`, which all have less than 126 bytes.
std::vector<Bytes> unmasked_payloads(BytesView out) {
  std::vector<Bytes> payloads;
  while (!out.empty()) {
    const size_t size = static_cast<uint8_t>(out[1]) & 0x7F;
    ws::MaskKey key;
    std::copy_n(out.data() + 2, key.size(), key.begin());
    payloads.emplace_back(out.substr(6, size));
    ws::apply_mask(payloads.back().data(), size, key);
    out.remove_prefix(6 + size);
  }
  return payloads;
}

TEST(SendQueue, AnswersEachPingInOrder) {
  SendQueue queue(3, 100);
  for (size_t i = 0; i < SendQueue::kPongsMax; ++i) queue.pong(std::to_string(i));
  MaskKeys keys;
  Bytes out;
  queue.encode(out, 1000, keys);
  const auto payloads = unmasked_payloads(out);
  ASSERT_EQ(payloads.size(), SendQueue::kPongsMax);
  for (size_t i = 0; i < payloads.size(); ++i) EXPECT_EQ(payloads[i], std::to_string(i));
  EXPECT_TRUE(queue.empty());
}

TEST(SendQueue, AnswersTheNewestPingsOfAFlood) {
  SendQueue queue(3, 100);
  for (size_t i = 0; i < 1'000; ++i) queue.pong(std::to_string(i));
  MaskKeys keys;
  Bytes out;
  queue.encode(out, 1000, keys);
  const auto payloads = unmasked_payloads(out);
  ASSERT_EQ(payloads.size(), SendQueue::kPongsMax);
  EXPECT_EQ(payloads.front(), std::to_string(1'000 - SendQueue::kPongsMax));
  EXPECT_EQ(payloads.back(), "999");
}

TEST(SendQueue, WritesWhatWasAcceptedBeforeTheCloseUnlessAtOnce) {
  for (const bool at_once : {false, true}) {
    SendQueue queue(3, 100);
    queue.push(1, replica::MessageKind::Text, "a");
    queue.close(1002, "", at_once);
    MaskKeys keys;
    Bytes out;
    queue.encode(out, 1000, keys);
    EXPECT_EQ(unmasked_payloads(out).size(), at_once ? 1U : 2U);
  }
}

TEST(SendQueue, ForgetsWhatWaits) {
  SendQueue queue(1, 100);
  queue.push(1, replica::MessageKind::Text, Bytes(100, 'a'));
  queue.pong("x");
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.accepted_up_to(), 1U);
  EXPECT_EQ(queue.push(2, replica::MessageKind::Text, Bytes(100, 'b')), SendQueue::Accepted::kYes);
}

TEST(SendQueue, SendsNothingBehindTheClose) {
  SendQueue queue(3, 100);
  queue.push(1, replica::MessageKind::Text, "a");
  queue.close(1000, "bye", false);
  queue.pong("x");
  MaskKeys keys;
  Bytes out;
  queue.encode(out, 1000, keys);
  EXPECT_TRUE(queue.close_encoded());
  const size_t size = out.size();
  EXPECT_EQ(size, 7U + 7U + 11U);
  queue.ping();
  queue.encode(out, 1000, keys);
  EXPECT_EQ(out.size(), size);
}

}  // namespace
}  // namespace icws::adapter
