#include "agreement/feed_evidence.h"

#include <algorithm>
#include <unordered_map>

namespace icws::agreement {
namespace {

// Messages that two logs must have in common before their order says anything: of one or two, repeated
// contents may be the cause.
constexpr size_t kCommonMin = 3;

// The judgement after one block. `log` must not change meanwhile, except by what it judges.
class Outlook {
 public:
  Outlook(const View& view, size_t self, Quorum quorum, const FeedState& state, const FeedLog& log,
          const FeedEvidence& evidence, const AgreementParams& params);
  FeedLog::Hope hope(const FeedLog::Entry& entry) const;

 private:
  struct Witness {
    uint64_t bit = 0;
    bool absent = false;
    // It lists everything that it has, and had time for what was here by then.
    std::optional<LocalTime> complete_until;
    // Half of what it lists of this log came here no earlier than the entry of this ordinal.
    uint64_t middle = 0;
  };
  void read(const Section& section, Height height, const SettledIndex& settled, const FeedLog& log,
            Witness& witness);

  const FeedLog& log_;
  const uint32_t faulty_;
  std::vector<Witness> witnesses_;
  // By ordinal of an entry: bit j, member j lists it.
  std::unordered_map<uint64_t, uint64_t> listed_;
};

Outlook::Outlook(const View& view, size_t self, Quorum quorum, const FeedState& state, const FeedLog& log,
                 const FeedEvidence& evidence, const AgreementParams& params)
    : log_(log), faulty_(quorum.f()) {
  const SettledIndex settled(state.settled, oldest_report(view));
  for (size_t member = 0; member < view.size(); ++member) {
    if (member == self) continue;
    Witness witness{uint64_t{1} << member, evidence.absent(member), {}, 0};
    if (const Section* section = view[member].section) {
      read(*section, view[member].height, settled, log, witness);
      const auto made = evidence.made(view[member].height);
      if (section->complete && made) witness.complete_until = *made - params.hold_back;
    }
    witnesses_.push_back(witness);
  }
}

void Outlook::read(const Section& section, Height height, const SettledIndex& settled, const FeedLog& log,
                   Witness& witness) {
  std::vector<uint64_t> common;
  for (const FeedItem& item : section.items) {
    const uint32_t gone = settled.since(item.content, height);
    if (item.copy <= gone) continue;
    const FeedLog::Entry* entry = log.entry(FeedItem{item.content, item.copy - gone});
    if (entry == nullptr) continue;
    listed_[entry->ordinal] |= witness.bit;
    common.push_back(entry->ordinal);
  }
  if (common.size() < kCommonMin) return;
  const auto middle = common.begin() + static_cast<ptrdiff_t>((common.size() - 1) / 2);
  std::nth_element(common.begin(), middle, common.end());
  witness.middle = *middle;
}

FeedLog::Hope Outlook::hope(const FeedLog::Entry& entry) const {
  const auto it = listed_.find(entry.ordinal);
  const uint64_t listed = it == listed_.end() ? 0 : it->second;
  uint32_t lacking = 0;
  for (const Witness& witness : witnesses_) {
    if ((listed & witness.bit) != 0) continue;
    lacking += witness.absent || entry.ordinal < witness.middle ||
               (witness.complete_until && log_.waits_since(entry) <= *witness.complete_until);
  }
  if (lacking > faulty_) return FeedLog::Hope::None;
  // What speaks against an entry that nobody lists speaks less against every later one.
  return listed == 0 ? FeedLog::Hope::ForAllLaterToo : FeedLog::Hope::Some;
}

}  // namespace

void FeedEvidence::reported(Height height, LocalTime now) {
  // Those of W blocks are in force, made one block before each.
  constexpr size_t kReportsKept = 16;
  if (!reports_.empty() && reports_.back().first >= height) return;
  reports_.emplace_back(height, now);
  if (reports_.size() > kReportsKept) reports_.erase(reports_.begin());
}

void FeedEvidence::observe(const View& view, size_t self, Quorum quorum, LocalTime now,
                           const AgreementParams& params) {
  // A replica that has just come cannot know who has been silent.
  if (members_.size() != view.size()) members_.assign(view.size(), Member{now});
  uint32_t speaking = 0;
  for (size_t i = 0; i < view.size(); ++i) speaking += i == self || view[i].section != nullptr;
  const bool counts = quorum.is_quorum(speaking);
  for (size_t i = 0; i < view.size(); ++i) {
    Member& member = members_[i];
    if (view[i].section != nullptr) {
      member = Member{now};
      continue;
    }
    member.missed += counts;
    // Where many connections take turns in a report, a section is in force for W blocks of each turn: two
    // turns must have gone by without it.
    member.absent = member.missed >= 2 * params.blocks_in_force && now - member.heard >= params.hold_back;
  }
}

std::optional<LocalTime> FeedEvidence::made(Height height) const {
  const auto it = std::ranges::find(reports_, height, &std::pair<Height, LocalTime>::first);
  return it == reports_.end() ? std::nullopt : std::optional(it->second);
}

std::vector<FeedLog::Freed> make_room(FeedLog& log, const FeedEvidence& evidence, const View& view,
                                      size_t self, Quorum quorum, const FeedState& state, LocalTime now,
                                      const AgreementParams& params) {
  const LocalTime before = now - params.hold_back;
  const LocalTime listed_by = now - params.drop_after;
  if (!(log.overfull() || log.has_overdue(listed_by)) || !log.has_waited_since(before)) return {};
  const Outlook outlook(view, self, quorum, state, log, evidence, params);
  return log.make_room(before, listed_by, [&](const FeedLog::Entry& entry) { return outlook.hope(entry); });
}

}  // namespace icws::agreement
