// Random committees with liars among members and proposers, and what must hold all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/prng.h"
#include "tests/support_agreement/committee.h"

namespace icws::test_agreement {
namespace {

using namespace agreement;

// Up to f liars are the last members. Honest ones see one common sequence per key; across keys they
// interleave differently, and sometimes lack one.
class RandomRun {
 public:
  RandomRun(uint64_t seed, uint32_t members, Mode mode)
      : prng_(seed),
        mode_(mode),
        liars_(prng_.below(Quorum(members).f() + 1)),
        complete_(prng_.chance(1, 2)),
        committee_({.members = members, .mode = mode, .content_bytes = 25 + prng_.below(400)}),
        honest_(members - liars_) {}

  void run() {
    committee_.open_all();
    for (size_t liar = honest_; liar < committee_.size(); ++liar) {
      committee_.lies(liar, [this](Section truth) { return lie(std::move(truth)); });
    }
    for (size_t i = 0; i < 60 && !committee_.end(); ++i) {
      publish();
      block();
    }
    if (complete_) deliver([] { return true; });
    // The budget may hold no more than one message a block.
    for (size_t i = 0; i < 500 && !everything_agreed(); ++i) committee_.blocks(1);
    check();
  }

 private:
  void publish() {
    for (uint64_t i = prng_.below(6); i > 0; --i) {
      const Bytes key = mode_ == Mode::Feed ? std::to_string(prng_.below(3)) : Bytes();
      const bool repeated = !complete_ && prng_.chance(1, 8);
      const Bytes text = repeated ? "ping" + key : "m" + std::to_string(published_++);
      if (!repeated) sequence_[key].push_back(text);
      for (size_t member = 0; member < committee_.size(); ++member) {
        if (!complete_ && mode_ == Mode::Feed && prng_.chance(1, 30)) continue;
        waiting_[{member, key}].push_back(text);
      }
    }
    deliver([this] { return !prng_.chance(1, 3); });
  }

  void deliver(const std::function<bool()>& more) {
    for (auto& [who, texts] : waiting_) {
      while (!texts.empty() && more()) {
        committee_.sees(who.first, texts.front(), who.second);
        if (who.first < honest_) seen_[texts.front()].push_back(who.first);
        texts.erase(texts.begin());
      }
    }
  }

  std::optional<Committee::Section> lie(Committee::Section truth) {
    switch (prng_.below(6)) {
      case 0:
        return std::nullopt;
      case 1:
        break;
      case 2:
        std::ranges::reverse(truth.items);
        std::erase_if(truth.items, [](const FeedItem& item) { return item.copy > 1; });
        break;
      case 3: {
        for (Head& head : truth.heads) head.digest.bytes[3] ^= 1;
        truth.items.insert(truth.items.begin(),
                           FeedItem{feed_content_id(ObservationKind::Text, "0", "forged"), 1});
        break;
      }
      case 4:
        truth.status = MemberStatus::Ended;
        truth.ending = Ending{};
        break;
      default: {  // echo one honest member's list, moved
        truth.items = committee_.section_of(prng_.below(honest_)).items;
        std::erase_if(truth.items, [&](const FeedItem& item) { return item.copy > 1 || prng_.chance(1, 4); });
        for (size_t i = truth.items.size(); i > 1; --i) {
          std::swap(truth.items[i - 1], truth.items[prng_.below(i)]);
        }
        std::erase_if(truth.items, [](const FeedItem& item) { return item.copy > 1; });
      }
    }
    return truth;
  }

  void block() {
    Committee::Block block;
    block.proposer = prng_.below(committee_.size());
    block.after = Milliseconds(prng_.below(600));
    for (size_t member = 0; member < committee_.size(); ++member) {
      if (!prng_.chance(1, 5)) block.carries.push_back(member);
    }
    if (block.proposer >= honest_) {
      block.tamper = [this](Decision& decision) {
        auto& contents = mode_ == Mode::Feed ? decision.feed.contents : decision.ordered.contents;
        if (contents.empty()) return;
        const size_t at = prng_.below(contents.size());
        switch (prng_.below(4)) {
          case 0:
            contents.erase(contents.begin() + static_cast<ptrdiff_t>(at));
            break;
          case 1:
            contents[at].content = "forged";
            break;
          case 2:
            contents.push_back(contents[at]);
            break;
          default:
            std::swap(contents[0], contents[at]);
        }
      };
    }
    committee_.block(block);
  }

  // What expired is counted.
  bool everything_agreed() const { return committee_.texts().size() + committee_.gaps() >= published_; }

  void check() {
    if (complete_) {
      // Liars do not end it, and they hold up nothing for good.
      ASSERT_FALSE(committee_.end());
      ASSERT_TRUE(everything_agreed()) << committee_.texts().size() << " of " << published_;
      ASSERT_TRUE(mode_ == Mode::Feed || committee_.texts().size() == published_);
    }
    std::map<Bytes, size_t> count;
    std::map<Bytes, std::vector<Bytes>> by_key;
    for (const Line& line : committee_.lines()) {
      if (line.gap > 0) continue;
      ++count[line.text];
      ASSERT_GE(std::set<size_t>(seen_[line.text].begin(), seen_[line.text].end()).size(),
                Quorum(static_cast<uint32_t>(committee_.size())).f() + 1)
          << line.text;
      if (line.text[0] == 'm') {
        ASSERT_EQ(count[line.text], 1u) << line.text;
        by_key[line.key].push_back(line.text);
      }
    }
    if (complete_) check_order(by_key);
  }

  // Every honest member saw every message of a key, in this order: so does the transcript, whatever liars do.
  // (Where an honest member lacks one, or a repeated content stands for different messages on different
  // sockets, honest lists alone can form a cycle, and the order within a component is the median's.)
  void check_order(const std::map<Bytes, std::vector<Bytes>>& by_key) {
    for (const auto& [key, texts] : by_key) {
      const auto place = [&, k = key](const Bytes& text) { return std::ranges::find(sequence_[k], text); };
      for (size_t i = 0; i < texts.size(); ++i) {
        for (size_t j = i + 1; j < texts.size(); ++j) {
          ASSERT_LT(place(texts[i]), place(texts[j])) << texts[i] << " before " << texts[j];
        }
      }
    }
  }

  Prng prng_;
  const Mode mode_;
  const size_t liars_;
  // Nothing is lost and nothing is repeated.
  const bool complete_;
  Committee committee_;
  const size_t honest_;
  uint64_t published_ = 0;
  std::map<Bytes, std::vector<Bytes>> sequence_;
  std::map<std::pair<size_t, Bytes>, std::vector<Bytes>> waiting_;
  std::map<Bytes, std::vector<size_t>> seen_;
};

TEST(RandomCommittee, FeedKeepsItsPromises) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    RandomRun(seed, seed % 2 == 0 ? 4 : 7, Mode::Feed).run();
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

TEST(RandomCommittee, OrderedKeepsItsPromises) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    RandomRun(seed, seed % 2 == 0 ? 4 : 7, Mode::Ordered).run();
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

}  // namespace
}  // namespace icws::test_agreement
