#include "agreement/lifecycle.h"

#include <algorithm>
#include <map>

namespace icws::agreement {
namespace {

using transcript::Cause;

// How many members have opened at some time of this epoch.
uint32_t opened_members(const View& view) {
  return static_cast<uint32_t>(std::ranges::count_if(
      view, [](const InForce& member) { return member.section != nullptr && member.section->opened; }));
}

// What a section says about its socket's end, as far as it can be compared.
std::optional<Ending> ending_of(const Section& section) {
  if (section.status == MemberStatus::OutLost) return Ending{Cause::Adapter, 1006, {}};
  if (!section.ending) return std::nullopt;
  if (section.status == MemberStatus::Failed) return Ending{section.ending->cause, 1006, {}};
  return section.ending;
}

// The most given key of `counts`, if more than f give it: a liar alone names nothing.
template <class Key>
std::optional<Key> named_by_honest(const std::map<Key, uint32_t>& counts, Quorum quorum) {
  const auto most = std::ranges::max_element(counts, {}, [](const auto& pair) { return pair.second; });
  if (most == counts.end() || !quorum.has_honest(most->second)) return std::nullopt;
  return most->first;
}

// The cause that enough of the down members give, with code and reason if enough give these as well: a
// server may put something of its own into each.
std::optional<Ending> common_ending(const ConnectionState& state, const View& view) {
  std::map<Cause, uint32_t> causes;
  std::map<Cause, std::map<Ending, uint32_t>> endings;
  for (const InForce& member : view) {
    if (member.section == nullptr) continue;
    const std::optional<Ending> ending = ending_of(*member.section);
    if (!ending) continue;
    ++causes[ending->cause];
    ++endings[ending->cause][*ending];
  }
  const std::optional<Cause> cause = named_by_honest(causes, state.quorum());
  if (!cause) return std::nullopt;
  return named_by_honest(endings[*cause], state.quorum()).value_or(Ending{*cause, 1006, {}});
}

End end_with(const ConnectionState& state, const View& view) {
  const bool was_open = state.phase == Phase::Open;
  const std::optional<Ending> ending = common_ending(state, view);
  if (!ending) return End{Cause::Connection, 1006, {}, was_open, {}};
  return End{ending->cause, ending->code, ending->reason, was_open, {}};
}

}  // namespace

bool down(MemberStatus status) { return status != MemberStatus::Opening && status != MemberStatus::Live; }

void note_down_members(ConnectionState& state, const View& view, AgreedTime now) {
  for (size_t i = 0; i < view.size(); ++i) {
    if (view[i].section == nullptr) continue;
    std::optional<AgreedTime>& since = state.down_since[i];
    if (!down(view[i].section->status)) {
      since.reset();
    } else if (!since) {
      since = now;
    }
  }
}

std::optional<Digest> wanted_opened(const ConnectionState& state, const View& view) {
  if (!state.quorum().is_quorum(opened_members(view))) return std::nullopt;
  std::map<Digest, uint32_t> counts;
  for (const InForce& member : view) {
    if (member.section != nullptr && member.section->opened) ++counts[*member.section->opened];
  }
  const auto most = std::ranges::max_element(counts, {}, [](const auto& pair) { return pair.second; });
  if (!state.quorum().has_honest(most->second)) return std::nullopt;
  return most->first;
}

std::expected<std::optional<transcript::Opened>, DecisionFault> feed_opened(
    const ConnectionState& state, const View& view, const std::optional<Bytes>& encoded) {
  const bool ready = state.quorum().is_quorum(opened_members(view));
  const std::optional<Digest> wanted = wanted_opened(state, view);
  if (!encoded) {
    if (ready && !wanted) return transcript::Opened{};
    return std::optional<transcript::Opened>();
  }
  if (!wanted) return std::unexpected(DecisionFault::Unsupported);
  if (opened_digest(*encoded) != *wanted) return std::unexpected(DecisionFault::WrongContent);
  auto opened = archive_decode<transcript::Opened>(*encoded);
  if (!opened) return std::unexpected(DecisionFault::WrongContent);
  return opened;
}

std::optional<End> lifecycle_end(const ConnectionState& state, const View& view, AgreedTime now,
                                 const AgreementParams& params) {
  const Quorum quorum = state.quorum();
  // Else what a quorum has seen might be lost, because it could not say so in time.
  const auto speaking =
      std::ranges::count_if(view, [](const InForce& member) { return member.section != nullptr; });
  if (!quorum.is_quorum(static_cast<uint32_t>(speaking))) return std::nullopt;
  uint32_t down_now = 0, down_for_long = 0;
  for (const std::optional<AgreedTime>& since : state.down_since) {
    down_now += since.has_value();
    down_for_long += since && now - *since >= params.lost_grace;
  }
  // A failed open need not wait where enough members already agree on why.
  const bool failed =
      state.phase == Phase::Opening && quorum.has_honest(down_now) && common_ending(state, view);
  if (failed || quorum.has_honest(down_for_long)) return end_with(state, view);
  if (state.phase == Phase::Opening && now - state.opening_since >= state.open_timeout) {
    return End{Cause::Timeout, 1006, {}, false, {}};
  }
  return std::nullopt;
}

End ordered_end(OrderedVerdict verdict, const Claims& claims, const ConnectionState& state,
                const View& view) {
  if (verdict == OrderedVerdict::Lost) return end_with(state, view);
  return End{Cause::Diverged, 1006, {}, state.phase == Phase::Open, claims.claims};
}

}  // namespace icws::agreement
