#include "agreement/ordered_rules.h"

#include <algorithm>
#include <map>

#include "transcript/parts.h"

namespace icws::agreement {
namespace {

// The heads of one section that lie on the proposer's chain, ascending.
std::vector<Position> matches(const Section& section, const OrderedState& state, const OrderedLog& log,
                              uint64_t positions_max) {
  std::vector<Position> out;
  for (const Head& head : section.heads) {
    if (head.position <= state.position) continue;
    if (head.position.value > state.position.value + positions_max) break;
    const OrderedLog::Entry* entry = log.at(head.position);
    if (entry == nullptr || entry->head != head.digest) continue;
    out.push_back(head.position);
  }
  return out;
}

// Contents P+1..last, cut where a budget ends.
std::vector<Observation> contents_within(const OrderedState& state, const OrderedLog& log, Position last,
                                         OrderedBudget budget) {
  std::vector<Observation> out;
  for (Position p = state.position.next(); p <= last; p = p.next()) {
    const Observation& observation = log.at(p)->observation;
    const uint64_t carried = carried_bytes(observation);
    const uint64_t entries = inbox_bytes(observation, budget.part_bytes);
    if (carried > budget.content_bytes || entries > budget.inbox_bytes) break;
    budget.content_bytes -= carried;
    budget.inbox_bytes -= entries;
    out.push_back(observation);
  }
  return out;
}

// The least x such that q sections have a match within [p, x].
std::optional<Position> linking_end(const std::vector<std::vector<Position>>& supporters, Position p,
                                    Quorum quorum) {
  std::vector<Position> ends;
  for (const std::vector<Position>& positions : supporters) {
    const auto it = std::lower_bound(positions.begin(), positions.end(), p);
    if (it != positions.end()) ends.push_back(*it);
  }
  if (!quorum.is_quorum(static_cast<uint32_t>(ends.size()))) return std::nullopt;
  std::nth_element(ends.begin(), ends.begin() + (quorum.q() - 1), ends.end());
  return ends[quorum.q() - 1];
}

// Cuts `contents`, which begin at P+1, until the digests up to the linking head fit beside them: at a head
// that a quorum may share, where none are needed. Returns that head's position.
Position cut_to_budget(std::vector<Observation>& contents, const OrderedState& state,
                       const std::vector<std::vector<Position>>& supporters, Quorum quorum,
                       uint64_t content_bytes) {
  uint64_t carried = 0;
  for (const Observation& observation : contents) carried += carried_bytes(observation);
  std::vector<Position> heads;
  for (const std::vector<Position>& positions : supporters)
    heads.insert(heads.end(), positions.begin(), positions.end());
  std::ranges::sort(heads);
  while (!contents.empty()) {
    const Position p(state.position.value + contents.size());
    const Position x = *linking_end(supporters, p, quorum);
    if (carried + (x.value - p.value) * kDigestBytes <= content_bytes) return x;
    const auto next = std::ranges::lower_bound(heads, p);
    const Position cut = next == heads.begin() ? state.position : *std::prev(next);
    while (contents.size() > cut.value - state.position.value) {
      carried -= carried_bytes(contents.back());
      contents.pop_back();
    }
  }
  return state.position;
}

}  // namespace

uint64_t inbox_bytes(const Observation& observation, uint64_t part_bytes) {
  const uint64_t entries = transcript::parts_bound(observation.content.size(), part_bytes);
  return observation.content.size() + observation.key.size() + entries * kEntryOverheadBytes;
}

OrderedDecision propose_ordered(const OrderedState& state, const View& view, const OrderedLog& log,
                                Quorum quorum, const OrderedBudget& budget, const AgreementParams& params) {
  OrderedDecision out;
  // A log that has not reached P, or contradicts it, has nothing to give.
  if (!log.in_chain() || log.agreed().position != state.position) return out;
  std::vector<std::vector<Position>> supporters;
  std::vector<Position> furthest;
  for (const InForce& member : view) {
    if (member.section == nullptr) continue;
    std::vector<Position> positions = matches(*member.section, state, log, params.decision_digests_max);
    if (positions.empty()) continue;
    furthest.push_back(positions.back());
    supporters.push_back(std::move(positions));
  }
  if (!quorum.is_quorum(static_cast<uint32_t>(furthest.size()))) return out;
  std::sort(furthest.begin(), furthest.end(), std::greater<>());
  out.contents = contents_within(state, log, furthest[quorum.q() - 1], budget);
  const Position x = cut_to_budget(out.contents, state, supporters, quorum, budget.content_bytes);
  const Position p(state.position.value + out.contents.size());
  for (Position at = p.next(); at <= x; at = at.next()) out.digests.push_back(log.at(at)->digest);
  return out;
}

std::expected<OrderedState, DecisionFault> decide_ordered(const OrderedState& state, const View& view,
                                                          const OrderedDecision& decision, Quorum quorum,
                                                          const AgreementParams& params) {
  const uint64_t count = decision.contents.size() + decision.digests.size();
  if (decision.contents.empty()) return std::unexpected(DecisionFault::WrongContent);
  if (count > params.decision_digests_max) return std::unexpected(DecisionFault::TooLarge);
  OrderedState next = state;
  for (const Observation& observation : decision.contents) {
    next.head = chain_next(next.head, ordered_digest(observation.kind, observation.content));
  }
  next.position = Position(state.position.value + decision.contents.size());
  next.stuck_since.reset();

  // Heads of the chain at p..x, by distance from p.
  std::vector<Digest> chain{next.head};
  for (const Digest& digest : decision.digests) chain.push_back(chain_next(chain.back(), digest));
  uint32_t supporters = 0;
  for (const InForce& member : view) {
    if (member.section == nullptr) continue;
    supporters += std::ranges::any_of(member.section->heads, [&](const Head& head) {
      if (head.position < next.position) return false;
      const uint64_t distance = head.position.value - next.position.value;
      return distance < chain.size() && chain[distance] == head.digest;
    });
  }
  if (!quorum.is_quorum(supporters)) return std::unexpected(DecisionFault::Unsupported);
  return next;
}

Claims claims_at_next(const OrderedState& state, const View& view) {
  Claims out;
  std::map<Digest, uint32_t> counts;
  for (size_t member = 0; member < view.size(); ++member) {
    const Section* section = view[member].section;
    if (section == nullptr) continue;
    if (section->status == MemberStatus::OutMismatch || section->status == MemberStatus::OutLost) {
      out.claims.push_back({member, std::nullopt, section->status == MemberStatus::OutMismatch});
      continue;
    }
    for (const Head& head : section->heads) {
      if (head.position != state.position.next()) continue;
      out.claims.push_back({member, head.digest, false});
      const uint32_t count = ++counts[head.digest];
      if (count > out.most) out.most = count;
    }
  }
  for (const auto& [digest, count] : counts) {
    if (count == out.most && !out.most_claimed) out.most_claimed = digest;
  }
  return out;
}

OrderedVerdict judge(const Claims& claims, Quorum quorum) {
  const auto total = static_cast<uint32_t>(claims.claims.size());
  if (!quorum.has_honest(total - claims.most)) return OrderedVerdict::Continue;
  uint32_t dissent = 0;
  for (const Claims::Claim& claim : claims.claims) {
    dissent += claim.head ? claim.head != claims.most_claimed : claim.mismatch;
  }
  return quorum.has_honest(dissent) ? OrderedVerdict::Diverged : OrderedVerdict::Lost;
}

bool data_waits(const Claims& claims, Quorum quorum) {
  uint32_t heads = 0;
  for (const Claims::Claim& claim : claims.claims) heads += claim.head.has_value();
  return quorum.has_honest(heads);
}

bool may_decide(const OrderedState& state, const View& view, const Claims& claims, Quorum quorum) {
  uint32_t supporters = claims.most;
  const Position next = state.position.next();
  // Where the connection stalls at last, those that are live may take their time to bring it.
  const bool stalls = data_waits(claims, quorum);
  for (const InForce& member : view) {
    if (member.section == nullptr) continue;
    const std::vector<Head>& heads = member.section->heads;
    const bool claims_next =
        std::ranges::any_of(heads, [&](const Head& head) { return head.position == next; });
    const bool beyond = !heads.empty() && heads.back().position > next;
    supporters += !claims_next && (beyond || (stalls && member.section->status == MemberStatus::Live));
  }
  return quorum.is_quorum(supporters);
}

}  // namespace icws::agreement
