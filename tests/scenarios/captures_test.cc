// Four real connections to one exchange (synthetic ones where the recordings are missing), by their recorded
// times, in blocks of 50 ms.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/capture.h"
#include "tests/support_agreement/committee.h"
#include "transform/transform.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;

struct Arrival {
  int64_t at_us;
  Bytes text, key;
};

// Drops /id; the key is method and symbol.
std::vector<Arrival> transformed(const support::RecordedStream& stream) {
  transform::TransformSpec spec;
  spec.input = transform::TransformSpec::Input::Json;
  spec.drop_pointers = {"/id"};
  spec.key_pointers = {"/method", "/params/symbol"};
  auto transform = transform::Transform::compile(spec);
  std::vector<Arrival> out;
  transform::Delivered delivered;
  for (const support::TimedMessage& message : stream.messages) {
    const auto outcome = transform->apply(transform::MessageKind::Text, message.text, delivered);
    EXPECT_EQ(outcome, transform::Outcome::Delivered);
    out.push_back({message.at_us, delivered.content, delivered.key});
  }
  return out;
}

class Captures : public testing::Test {
 protected:
  Captures() : feed_(support::load_feed()) {
    for (const support::RecordedStream& stream : feed_.streams) streams_.push_back(transformed(stream));
    std::cout << "streams: " << feed_.origin << "\n";
  }

  void play(Committee& committee, bool all_keys_one = false) {
    committee.open_all();
    std::vector<size_t> next(4, 0);
    int64_t last = 0;
    for (const auto& stream : streams_) last = std::max(last, stream.back().at_us);
    for (int64_t now = 0; now < last + 50'000 && !committee.end(); now += 50'000) {
      for (size_t i = 0; i < 4; ++i) {
        for (; next[i] < streams_[i].size() && streams_[i][next[i]].at_us <= now; ++next[i]) {
          const Arrival& arrival = streams_[i][next[i]];
          committee.sees(i, arrival.text, all_keys_one ? Bytes() : arrival.key);
        }
      }
      committee.blocks(1);
    }
    committee.blocks(60);
  }

  // How often each content came on `members` alike: the least count.
  std::map<Bytes, size_t> common(const std::vector<size_t>& members) const {
    std::map<Bytes, std::vector<size_t>> counts;
    for (const size_t member : members) {
      for (const Arrival& arrival : streams_[member]) {
        auto& count = counts[arrival.text];
        count.resize(4);
        ++count[member];
      }
    }
    std::map<Bytes, size_t> out;
    for (const auto& [text, count] : counts) {
      size_t least = SIZE_MAX;
      for (const size_t member : members) least = std::min(least, count[member]);
      out[text] = least;
    }
    return out;
  }

  void expect_all_that(const std::vector<size_t>& members, const Committee& committee) {
    std::map<Bytes, size_t> agreed;
    for (const Bytes& text : committee.texts()) ++agreed[text];
    for (const auto& [text, count] : common(members)) EXPECT_GE(agreed[text], count) << text.substr(0, 100);
    for (const auto& [text, count] : agreed) {
      size_t most = 0;
      for (const auto& stream : streams_) {
        most = std::max<size_t>(most, std::ranges::count(stream, text, &Arrival::text));
      }
      EXPECT_LE(count, most) << "a duplicate: " << text.substr(0, 100);
    }
  }

  support::Feed feed_;
  std::vector<std::vector<Arrival>> streams_;
};

TEST_F(Captures, FourHonestMembersAgreeOnAllThatThreeSaw) {
  Committee committee({});
  play(committee);
  expect_all_that({0, 1, 2, 3}, committee);
  if (feed_.recorded) {
    EXPECT_EQ(committee.texts().size(), 799u);
  }
  // Per key, exactly the order of each connection.
  std::map<Bytes, std::vector<Bytes>> agreed;
  for (const Line& line : committee.lines()) {
    if (line.gap == 0) agreed[line.key].push_back(line.text);
  }
  for (const auto& stream : streams_) {
    std::map<Bytes, std::vector<Bytes>> seen;
    for (const Arrival& arrival : stream) seen[arrival.key].push_back(arrival.text);
    for (const auto& [key, texts] : seen) {
      // What one of them lacks is left out on both sides.
      std::vector<Bytes> theirs, ours;
      const std::multiset<Bytes> a(texts.begin(), texts.end()), b(agreed[key].begin(), agreed[key].end());
      std::ranges::copy_if(texts, std::back_inserter(theirs), [&](const Bytes& t) { return b.contains(t); });
      std::ranges::copy_if(agreed[key], std::back_inserter(ours),
                           [&](const Bytes& t) { return a.contains(t); });
      EXPECT_EQ(theirs, ours) << key;
    }
  }
}

TEST_F(Captures, WithOneDownAllThatTheThreeSaw) {
  for (size_t down = 0; down < 4; ++down) {
    Committee committee({});
    committee.falls_silent(down);
    std::vector<size_t> live;
    for (size_t i = 0; i < 4; ++i) {
      if (i != down) live.push_back(i);
    }
    play(committee);
    expect_all_that(live, committee);
  }
}

TEST_F(Captures, WithOneLyingAllThatTheThreeSaw) {
  Committee committee({});
  committee.lies(3, [](Committee::Section truth) {
    std::ranges::reverse(truth.items);
    std::erase_if(truth.items, [](const FeedItem& item) { return item.copy > 1; });
    return std::optional(truth);
  });
  play(committee);
  expect_all_that({0, 1, 2}, committee);
}

TEST_F(Captures, OrderedDiverges) {
  Committee committee({.mode = Mode::Ordered});
  play(committee);
  ASSERT_TRUE(committee.end());
  EXPECT_EQ(committee.end()->cause, transcript::Cause::Diverged);
  EXPECT_GE(committee.end()->evidence.size(), 2u);
}

TEST_F(Captures, OneKeyForAll) {
  Committee committee({});
  play(committee, true);
  std::cout << "one key: " << committee.texts().size() << " messages, " << committee.gaps() << " in gaps\n";
  EXPECT_GT(committee.texts().size(), 700u);
}

}  // namespace
}  // namespace icws::test_agreement
