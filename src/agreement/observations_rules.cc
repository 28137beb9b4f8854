#include "agreement/observations_rules.h"

#include <algorithm>
#include <map>

#include "agreement/ordered_rules.h"
#include "base/decimal.h"

namespace icws::agreement {
namespace {

// A value's member and age.
constexpr uint64_t kMemberValueOverheadBytes = 16;

using transcript::MemberValue;
using transcript::Reading;

// A liar's value that is no number, or is written in another way, is no answer.
std::optional<Decimal> canonical_decimal(BytesView text) {
  auto parsed = Decimal::parse(text);
  if (!parsed || parsed->text() != text) return std::nullopt;
  return *parsed;
}

std::optional<AgreedTime> time_after(const ObservationsState& state, Height height) {
  const auto it = std::ranges::find(state.ticks, height, &ObservationsState::Tick::height);
  return it == state.ticks.end() ? std::nullopt : std::optional(it->now);
}

// The values that are young enough, by key, each key's in order of the committee.
std::map<Bytes, std::vector<MemberValue>> young_values(const ObservationsState& state, const View& view,
                                                       const std::vector<ReplicaIndex>& committee,
                                                       AgreedTime now) {
  std::map<Bytes, std::vector<MemberValue>> out;
  for (size_t place = 0; place < view.size(); ++place) {
    const Section* section = view[place].section;
    if (section == nullptr || section->status != MemberStatus::Live) continue;
    const std::optional<AgreedTime> made = time_after(state, view[place].height);
    if (!made) continue;
    for (const LatestValue& value : section->values) {
      const Milliseconds age = value.age + (now - *made);
      if (age > state.settings.age_max) continue;
      if (state.settings.deliver == Deliver::Median && !canonical_decimal(value.value)) continue;
      out[value.key].push_back({committee[place].value, value.value, age});
    }
  }
  return out;
}

// Of an even number the lower one of the two in the middle. `values` is not empty; all are decimals.
Bytes lower_median(const std::vector<MemberValue>& values) {
  std::vector<Decimal> sorted;
  for (const MemberValue& value : values) sorted.push_back(*canonical_decimal(value.value));
  const auto middle = sorted.begin() + static_cast<ptrdiff_t>((sorted.size() - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return middle->text();
}

}  // namespace

uint32_t min_responses_now(const ObservationsSettings& settings, Quorum quorum) {
  return std::clamp(settings.min_responses, min_responses_lowest(settings.deliver, quorum), quorum.q());
}

void begin_observations(ObservationsState& state, AgreedTime now) {
  state.due = now + state.settings.interval;
}

uint32_t values_turn(const ObservationsState& state) {
  // Multiples of the golden ratio fall evenly into the ring, however many keys fit into a section.
  return static_cast<uint32_t>(state.round) * 2'654'435'769u;
}

std::vector<Reading> read_observations(ObservationsState& state, const View& view,
                                       const std::vector<ReplicaIndex>& committee,
                                       const ObservationsContext& context) {
  std::vector<Reading> out;
  if (context.now >= state.due) {
    const Quorum quorum(static_cast<uint32_t>(committee.size()));
    const uint32_t enough = min_responses_now(state.settings, quorum);
    uint64_t bytes = 0;
    for (auto& [key, values] : young_values(state, view, committee, context.now)) {
      if (values.size() < enough) continue;
      Reading reading{key, static_cast<uint32_t>(values.size()), quorum.n, state.skipped, {}, {}};
      if (state.settings.deliver == Deliver::Median) {
        reading.median = lower_median(values);
      } else {
        reading.values = std::move(values);
      }
      bytes += inbox_bytes(reading);
      out.push_back(std::move(reading));
    }
    // All or nothing: half an interval would look like silence of the other keys.
    const bool fits = context.inbox_has_room && bytes <= context.inbox_bytes;
    if (!fits) {
      out.clear();
      ++state.skipped;
    } else if (!out.empty()) {
      state.skipped = 0;
    }
    ++state.round;
    const auto missed = (context.now - state.due) / state.settings.interval;
    state.due += (missed + 1) * state.settings.interval;
  }
  state.ticks.push_back({context.height, context.now});
  while (state.ticks.size() > context.blocks_in_force + 1) state.ticks.pop_front();
  return out;
}

uint64_t inbox_bytes(const Reading& reading) {
  uint64_t bytes = kEntryOverheadBytes + reading.key.size() + reading.median.size();
  for (const MemberValue& value : reading.values) bytes += kMemberValueOverheadBytes + value.value.size();
  return bytes;
}

std::optional<Bytes> value_of(Deliver deliver, BytesView content) {
  if (deliver == Deliver::All) return Bytes(content);
  // The transform writes a string without escapes wherever it can, so one that needs them is no number.
  if (content.size() >= 2 && content.front() == '"' && content.back() == '"') {
    content = content.substr(1, content.size() - 2);
  }
  const auto parsed = Decimal::parse(content);
  if (!parsed) return std::nullopt;
  return parsed->text();
}

}  // namespace icws::agreement
