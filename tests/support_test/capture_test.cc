#include "tests/support/capture.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificates.h"

namespace icws::support {
namespace {

TEST(Capture, SeparatesSentFromReceived) {
  const auto stream = parse_capture(
      "wss://example.com/ws <-> 1626318403.5\n"
      "wss://example.com/ws <- 1626318404.25: {\"id\":1}\n"
      "1626318404.3652391: {\"url\":\"wss://a <- b\"}\n"
      "1626318405: {}\n");
  EXPECT_THAT(stream.subscriptions, testing::ElementsAre("{\"id\":1}"));
  ASSERT_EQ(stream.messages.size(), 2u);
  EXPECT_EQ(stream.messages[0].at_us, 865'239);
  EXPECT_EQ(stream.messages[0].text, "{\"url\":\"wss://a <- b\"}");
  EXPECT_EQ(stream.messages[1].at_us, 1'500'000);
}

TEST(Capture, SkipsEmptyAndCutLines) {
  const auto stream = parse_capture("\n1.5: {\"cut\":\nnonsense\n1.x: {}\n2.0: \n3.0: [1]");
  ASSERT_EQ(stream.messages.size(), 1u);
  EXPECT_EQ(stream.messages[0].text, "[1]");
}

TEST(Capture, ReadsNumberedFilesOfAFolder) {
  const TemporaryDirectory folder;
  write_file(folder / "x-1.capture", "1: 1\n");
  write_file(folder / "x-2.capture", "1: 2\n");
  write_file(folder / "x-4.capture", "1: 4\n");
  const auto streams = read_captures(folder.path(), "x");
  ASSERT_EQ(streams.size(), 2u);
  EXPECT_EQ(streams[1].messages.at(0).text, "2");
  EXPECT_FALSE(read_capture(folder / "x-3.capture"));
}

TEST(Capture, FeedHasFourStreamsOfEightHundredMessages) {
  const Feed feed = load_feed();
  RecordProperty("origin", feed.origin);
  ASSERT_EQ(feed.streams.size(), 4u) << feed.origin;
  for (const auto& stream : feed.streams) {
    EXPECT_EQ(stream.subscriptions.size(), 40u) << feed.origin;
    EXPECT_EQ(stream.messages.size(), 800u) << feed.origin;
  }
}

}  // namespace
}  // namespace icws::support
