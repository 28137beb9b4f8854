// FeedGraph against the rules written down again, as slowly and plainly as they can be.
#include "agreement/feed_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/prng.h"

namespace icws::agreement {
namespace {

// Design section 4, "feed", from lists without settled items.
class Reference {
 public:
  Reference(const std::vector<std::vector<FeedItem>>& lists, Quorum quorum) : lists_(lists), quorum_(quorum) {
    std::set<FeedItem> all;
    for (const auto& list : lists) all.insert(list.begin(), list.end());
    for (const FeedItem& item : all) {
      if (reporters(item).size() > quorum_.f()) items_.push_back(item);
    }
    std::ranges::sort(items_,
                      [&](const FeedItem& a, const FeedItem& b) { return sort_key(a) < sort_key(b); });
  }

  const std::vector<FeedItem>& items() const { return items_; }
  bool decidable(const FeedItem& item) const { return reporters(item).size() >= quorum_.q(); }
  bool precedes(const FeedItem& a, const FeedItem& b) const {
    if (a.content.key != b.content.key || a == b) return false;
    size_t count = 0;
    for (const size_t member : reporters(b)) {
      const auto& list = lists_[member];
      count += std::ranges::find(list, a) < std::ranges::find(list, b);
    }
    return count > quorum_.f();
  }
  // b is reachable from a, by a path of at least one step.
  std::set<FeedItem> reachable(const FeedItem& a, const std::set<FeedItem>& without) const {
    std::set<FeedItem> out;
    std::vector<FeedItem> queue{a};
    while (!queue.empty()) {
      const FeedItem from = queue.back();
      queue.pop_back();
      for (const FeedItem& to : items_) {
        if (without.contains(to) || out.contains(to) || !precedes(from, to)) continue;
        out.insert(to);
        queue.push_back(to);
      }
    }
    return out;
  }
  std::vector<std::vector<FeedItem>> emit(const std::set<FeedItem>& available,
                                          const std::set<FeedItem>& without) const {
    std::map<FeedItem, std::set<FeedItem>> reach;
    std::vector<FeedItem> left;
    for (const FeedItem& item : items_) {
      if (without.contains(item)) continue;
      left.push_back(item);
      reach[item] = reachable(item, without);
    }
    std::vector<std::vector<FeedItem>> out;
    for (;;) {
      bool found = false;
      for (const FeedItem& least : left) {
        std::vector<FeedItem> component;
        for (const FeedItem& item : left) {
          if (item == least || (reach[least].contains(item) && reach[item].contains(least))) {
            component.push_back(item);
          }
        }
        const auto inside = [&](const FeedItem& item) {
          return std::ranges::find(component, item) != component.end();
        };
        const bool possible = std::ranges::all_of(component, [&](const FeedItem& item) {
          return decidable(item) && available.contains(item) &&
                 std::ranges::none_of(
                     left, [&](const FeedItem& other) { return !inside(other) && precedes(other, item); });
        });
        if (!possible) continue;
        out.push_back(component);
        std::erase_if(left, inside);
        found = true;
        break;
      }
      if (!found) return out;
    }
  }

 private:
  std::vector<size_t> reporters(const FeedItem& item) const {
    std::vector<size_t> out;
    for (size_t member = 0; member < lists_.size(); ++member) {
      if (std::ranges::find(lists_[member], item) != lists_[member].end()) out.push_back(member);
    }
    return out;
  }
  std::tuple<size_t, std::vector<size_t>, FeedItem> sort_key(const FeedItem& item) const {
    std::vector<size_t> ranks;
    for (const size_t member : reporters(item)) {
      ranks.push_back(static_cast<size_t>(std::ranges::find(lists_[member], item) - lists_[member].begin()));
    }
    std::ranges::sort(ranks);
    return {ranks[(ranks.size() - 1) / 2], ranks, item};
  }

  const std::vector<std::vector<FeedItem>> lists_;
  const Quorum quorum_;
  std::vector<FeedItem> items_;
};

ContentId content(uint64_t number, uint64_t key) {
  return feed_content_id(ObservationKind::Text, std::to_string(key), std::to_string(number));
}

// A common sequence, of which each member lacks some and, in half of the cases, swaps some; some items come
// twice. A liar may turn his list around.
std::vector<std::vector<FeedItem>> random_lists(Prng& prng, size_t members) {
  const uint64_t count = 1 + prng.below(60), keys = 1 + prng.below(3);
  const uint64_t swaps = prng.chance(1, 2) ? 0 : prng.below(20);
  const bool liar = prng.chance(1, 4);
  std::vector<ContentId> common;
  for (uint64_t i = 0; i < count; ++i) common.push_back(content(prng.below(count * 2), i % keys));
  std::vector<std::vector<FeedItem>> out(members);
  for (auto& list : out) {
    std::vector<ContentId> own;
    for (const ContentId& item : common) {
      if (!prng.chance(1, 6)) own.push_back(item);
    }
    for (uint64_t i = 0; i < swaps && own.size() > 1; ++i) {
      const size_t at = prng.below(own.size() - 1);
      std::swap(own[at], own[prng.chance(1, 10) ? prng.below(own.size()) : at + 1]);
    }
    if (liar && &list == &out.front()) std::ranges::reverse(own);
    std::map<ContentId, uint32_t> copies;
    for (const ContentId& item : own) list.push_back(FeedItem{item, ++copies[item]});
  }
  return out;
}

TEST(FeedGraph, IsWhatTheRulesSay) {
  size_t large = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Prng prng(seed);
    const size_t members = seed % 3 == 0 ? 7 : seed % 3 == 1 ? 4 : 1 + prng.below(13);
    const Quorum quorum(static_cast<uint32_t>(members));
    const auto lists = random_lists(prng, members);
    std::vector<Section> sections(members);
    View view;
    for (size_t i = 0; i < members; ++i) {
      sections[i].items = lists[i];
      view.push_back(InForce{&sections[i], Height(1)});
    }
    const FeedGraph graph(view, SettledIndex({}), quorum);
    const Reference reference(lists, quorum);
    ASSERT_EQ(graph.nodes().size(), reference.items().size()) << seed;
    std::vector<bool> available, removed;
    std::set<FeedItem> has, without;
    std::vector<FeedGraph::Index> waiting;
    for (size_t i = 0; i < graph.nodes().size(); ++i) {
      const FeedItem& item = graph.nodes()[i].item;
      ASSERT_EQ(item, reference.items()[i]) << seed;
      ASSERT_EQ(graph.nodes()[i].decidable, reference.decidable(item)) << seed;
      ASSERT_EQ(graph.find(item), i);
      available.push_back(!prng.chance(1, 20));
      removed.push_back(!graph.nodes()[i].decidable && prng.chance(1, 2));
      if (available.back()) has.insert(item);
      if (removed.back()) without.insert(item);
      if (graph.nodes()[i].decidable && prng.chance(1, 3))
        waiting.push_back(static_cast<FeedGraph::Index>(i));
    }
    std::vector<std::vector<FeedItem>> emitted;
    for (const auto& component : graph.emit(available, removed)) {
      emitted.emplace_back();
      for (const auto node : component) emitted.back().push_back(graph.nodes()[node].item);
      large += component.size() > 2;
    }
    ASSERT_EQ(emitted, reference.emit(has, without)) << seed;
    std::set<FeedItem> blockers, expected;
    for (const auto node : graph.blockers(waiting)) blockers.insert(graph.nodes()[node].item);
    for (const FeedItem& item : reference.items()) {
      if (reference.decidable(item)) continue;
      const auto after = reference.reachable(item, {});
      if (std::ranges::any_of(waiting, [&](auto node) { return after.contains(graph.nodes()[node].item); })) {
        expected.insert(item);
      }
    }
    ASSERT_EQ(blockers, expected) << seed;
  }
  EXPECT_GT(large, 5u);
}

TEST(FeedGraph, RanksAndCopiesSkipWhatWasSettledSince) {
  std::vector<Section> sections(4);
  View view;
  for (Section& section : sections) {
    section.items = {{content(1, 0), 1}, {content(2, 0), 1}, {content(1, 0), 2}};
    view.push_back(InForce{&section, Height(5)});
  }
  const SettledIndex settled({{Height(5), {{content(1, 0), 1}}}});
  const FeedGraph graph(view, settled, Quorum(4));
  ASSERT_EQ(graph.nodes().size(), 2u);
  EXPECT_EQ(graph.nodes()[0].item, (FeedItem{content(2, 0), 1}));
  EXPECT_EQ(graph.nodes()[1].item, (FeedItem{content(1, 0), 1}));
}

}  // namespace
}  // namespace icws::agreement
