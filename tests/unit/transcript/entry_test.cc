#include "transcript/entry.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace icws::transcript {
namespace {

std::vector<Entry> samples() {
  Entry entry{EntrySequence(5), Epoch(2), Height(99), BlockTime(Milliseconds(1'700'000'000'000)), Opened{}};
  std::vector<Entry> out;
  const auto add = [&](auto what) {
    entry.what = std::move(what);
    out.push_back(entry);
  };
  add(Opened{"chat", {{"server", "x"}, {"", ""}}});
  add(Message{ContentKind::Binary, Bytes("\0\xff", 2), "[\"k\"]"});
  add(Message{ContentKind::Text, "", ""});
  add(Message{ContentKind::Text, "half", "key", 2, 300});
  add(Gap{Bytes(16, 'k'), 3, 1});
  add(Sent{SendSequence(3), SendSequence(70'000), {ReplicaIndex(0), ReplicaIndex(39)}});
  add(Closed{1001, "bye", Cause::Server, true, false, {}});
  add(Closed{
      1006, "", Cause::Diverged, false, true, {{1, sha256("h"), "report", "sig", 7}, {2, {}, "", "", 8}}});
  add(Reading{"k", 3, 4, 2, "0.1", {}});
  add(Reading{"k", 2, 4, 0, "", {{0, "a", Milliseconds(7)}, {3, "b", Milliseconds(0)}}});
  add(Opened{"", {}, Owner{3, Bytes(32, 'k')}});
  add(Handover{3, 0, Cause::Timeout});
  return out;
}

TEST(Entry, ReadsWhatItWrote) {
  for (const Entry& entry : samples()) EXPECT_EQ(decode(encode(entry)), entry);
}

TEST(Entry, RefusesTruncationsTrailersAndOtherForms) {
  Prng prng(1);
  for (const Entry& entry : samples()) {
    const Bytes bytes = encode(entry);
    for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(BytesView(bytes).substr(0, size)));
    EXPECT_FALSE(decode(bytes + '\0'));
    for (size_t i = 0; i < 5'000; ++i) {
      Bytes mutated = bytes;
      mutated[prng.below(mutated.size())] = static_cast<char>(prng.below(256));
      const auto other = decode(mutated);
      if (other) {
        EXPECT_EQ(encode(*other), mutated);
      }
    }
  }
}

TEST(Entry, RefusesValuesOutsideTheirSets) {
  Entry entry = samples()[0];
  entry.what = Message{static_cast<ContentKind>(3), "x", ""};
  EXPECT_FALSE(decode(encode(entry)));
  entry.what = Message{ContentKind::Text, "x", "", 0, 1};
  EXPECT_FALSE(decode(encode(entry)));
  entry.what = Message{ContentKind::Text, "x", "", 3, 2};
  EXPECT_FALSE(decode(encode(entry)));
  entry.what = Gap{Bytes(16, 'k'), 1, 2};
  EXPECT_FALSE(decode(encode(entry)));
  entry.what = Gap{"short", 1, 0};
  EXPECT_FALSE(decode(encode(entry)));
  entry.what = Sent{SendSequence(4), SendSequence(3), {}};
  EXPECT_FALSE(decode(encode(entry)));
  entry.what = Closed{1006, "", static_cast<Cause>(99), true, false, {}};
  EXPECT_FALSE(decode(encode(entry)));
}

TEST(TranscriptChain, BindsConnectionOrderAndContent) {
  const Digest genesis = transcript_genesis(ConnectionId(1));
  EXPECT_NE(genesis, transcript_genesis(ConnectionId(2)));
  const Digest a = entry_digest("a");
  const Digest b = entry_digest("b");
  const Digest ab = transcript_next(transcript_next(genesis, a), b);
  EXPECT_NE(ab, transcript_next(transcript_next(genesis, b), a));
  EXPECT_NE(ab, transcript_next(genesis, entry_digest("ab")));
  EXPECT_EQ(ab, transcript_next(transcript_next(genesis, a), b));
  EXPECT_NE(a, sha256("a"));
}

}  // namespace
}  // namespace icws::transcript
