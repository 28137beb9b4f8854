// Four connections to one exchange, as replicas have them.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/capture.h"
#include "tests/unit/transform/transformed.h"

namespace icws::transform {
namespace {

// The contents of each key, in order of arrival.
using Channels = std::map<Bytes, std::vector<Bytes>>;

Channels channels_of(const support::RecordedStream& stream) {
  TransformSpec spec = dropping({"/id"});
  spec.key_pointers = {"/method", "/params/symbol"};
  spec.drop_if_not_json = true;
  Transform transform = Transform::compile(spec).value();
  Channels out;
  Delivered delivered;
  for (const support::TimedMessage& message : stream.messages) {
    EXPECT_EQ(transform.apply(MessageKind::Text, message.text, delivered), Outcome::Delivered);
    out[delivered.key].push_back(delivered.content);
  }
  return out;
}

std::vector<Channels> channels_of(const support::Feed& feed) {
  std::vector<Channels> out;
  for (const support::RecordedStream& stream : feed.streams) out.push_back(channels_of(stream));
  return out;
}

std::set<Bytes> contents_of(const Channels& channels) {
  std::set<Bytes> out;
  for (const auto& [key, contents] : channels) out.insert(contents.begin(), contents.end());
  return out;
}

// What `contents` has in common with `others`, each content where it came first.
std::vector<Bytes> common(const std::vector<Bytes>& contents, const std::vector<Bytes>& others) {
  const std::set<Bytes> wanted(others.begin(), others.end());
  std::set<Bytes> seen;
  std::vector<Bytes> out;
  for (const Bytes& content : contents) {
    if (wanted.contains(content) && seen.insert(content).second) out.push_back(content);
  }
  return out;
}

TEST(Feed, HasTheSameOrderWithinEachKey) {
  const std::vector<Channels> all = channels_of(support::load_feed());
  ASSERT_EQ(all.size(), 4u);
  for (const Channels& one : all) {
    EXPECT_GT(one.size(), 1u);
    for (const auto& [key, contents] : one) {
      const auto reference = all.front().find(key);
      if (reference == all.front().end()) continue;
      EXPECT_EQ(common(contents, reference->second), common(reference->second, contents)) << key;
    }
  }
}

// At how many places two sequences of equal length differ.
size_t differences(const std::vector<Bytes>& a, const std::vector<Bytes>& b) {
  EXPECT_EQ(a.size(), b.size());
  size_t out = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) out += a[i] != b[i] ? 1 : 0;
  return out;
}

TEST(Feed, IsTheSameOnAllRecordedConnectionsButForTwoTickers) {
  const support::Feed feed = support::load_feed();
  if (!feed.recorded) GTEST_SKIP() << "no recordings here";
  const std::vector<Channels> all = channels_of(feed);
  std::set<Bytes> contents;
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(feed.streams[i].messages.size(), 800u);
    EXPECT_EQ(all[i].size(), 49u);
    const std::set<Bytes> own = contents_of(all[i]);
    EXPECT_EQ(own.size(), 757u);
    contents.insert(own.begin(), own.end());
  }
  EXPECT_EQ(contents.size(), 759u);
  // A ticker's timestamp: connections 2 and 3 have another one for EURSUSD, connection 4 for VETBTC.
  using Expected = std::map<Bytes, std::vector<size_t>>;
  Expected expected;
  expected[R"(["ticker","EURSUSD"])"] = {0, 1, 1, 0};
  expected[R"(["ticker","VETBTC"])"] = {0, 0, 0, 1};
  Expected found;
  for (const auto& [key, reference] : all.front()) {
    std::vector<size_t> different;
    for (const Channels& one : all) different.push_back(differences(one.at(key), reference));
    if (different != std::vector<size_t>{0, 0, 0, 0}) found[key] = different;
  }
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace icws::transform
