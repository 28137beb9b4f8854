// What a Byzantine proposer puts into its blocks.
#include <algorithm>

#include "sim/liar.h"

namespace icws::sim {
namespace {

using agreement::Mode;
using agreement::Observation;

constexpr size_t kPayloadsKept = 8;

}  // namespace

std::optional<agreement::Payload> Liar::decode(BytesView payload) const {
  return agreement::decode_payload(payload, [this](ConnectionId id) {
    return id.value >= 1 && id.value <= modes_.size() ? std::optional(modes_[id.value - 1]) : std::nullopt;
  });
}

void Liar::forge(agreement::Decision& decision) {
  std::vector<Observation>& contents =
      decision.ordered.empty() ? decision.feed.contents : decision.ordered.contents;
  const size_t any = contents.empty() ? 0 : own_.below(contents.size());
  const Observation forged{agreement::ObservationKind::Text, "forged",
                           contents.empty() ? "" : contents[0].key};
  switch (own_.below(12)) {
    case 0:
      if (contents.size() > 1) std::swap(contents[any], contents[(any + 1) % contents.size()]);
      break;
    case 1:
      if (!contents.empty()) contents.erase(contents.begin());
      break;
    case 2:
      if (!contents.empty()) contents.push_back(contents[any]);
      break;
    case 3:
      contents.push_back(forged);
      break;
    case 4:
      if (!contents.empty()) contents[any].content += "x";
      break;
    case 5:
      if (!contents.empty()) contents[any].kind = static_cast<agreement::ObservationKind>(1 + own_.below(4));
      break;
    case 6:
      if (decision.opened)
        *decision.opened += "x";
      else
        decision.opened = "x";
      break;
    case 7:
      decision.ordered.digests.push_back(Sha256().update_u64(own_.next()).finish());
      break;
    case 8:
      if (!decision.ordered.digests.empty()) decision.ordered.digests.pop_back();
      break;
    case 9:
      contents.insert(contents.end(), 300, forged);
      break;
    case 10:
      std::ranges::reverse(contents);
      break;
    default:
      // Of the other mode.
      std::swap(decision.ordered.contents, decision.feed.contents);
  }
}

// What one member's socket has brought beyond what is agreed.
void Liar::premature_ordered(const agreement::Section& own, agreement::Decision& decision) {
  const auto victim = static_cast<uint32_t>(own_.below(params_.replica_keys.size()));
  const auto* texts = ledger_.socket(victim, {own.connection, own.epoch, Attempt(1)});
  if (own.heads.empty() || own.heads[0].position.value < 2 || texts == nullptr) return;
  // Opened is position 1.
  const uint64_t from = own.heads[0].position.value - 2;
  decision.ordered.digests.clear();
  decision.ordered.contents.clear();
  for (uint64_t i = from; i < texts->size() && i < from + 1 + own_.below(6); ++i)
    decision.ordered.contents.push_back({agreement::ObservationKind::Text, (*texts)[i], {}});
}

void Liar::premature_feed(const agreement::Section& own, agreement::Decision& decision) {
  const auto victim = static_cast<uint32_t>(own_.below(params_.replica_keys.size()));
  const auto* texts = ledger_.socket(victim, {own.connection, own.epoch, Attempt(1)});
  if (texts == nullptr) return;
  const size_t count = std::min<size_t>(texts->size(), 1 + own_.below(own_.chance(1, 3) ? 40 : 3));
  for (size_t i = texts->size() - count; i < texts->size(); ++i) {
    const std::string& text = (*texts)[i];
    const size_t key = text.find(R"("key":)");
    if (key == std::string::npos) return;
    const size_t end = text.find_first_of(",}", key);
    decision.feed.contents.push_back(
        {agreement::ObservationKind::Text, text, "[" + text.substr(key + 6, end - key - 6) + "]"});
  }
}

void Liar::add_premature(agreement::Payload& payload) {
  if (old_reports_.empty()) return;
  for (const agreement::Section& own : old_reports_.back().sections) {
    if (own.connection.value > modes_.size() || own_.chance(1, 3)) continue;
    auto it = std::ranges::find(payload.decisions, own.connection, &agreement::CarriedDecision::connection);
    agreement::CarriedDecision carried{own.connection, own.epoch, {}};
    if (it != payload.decisions.end()) carried = *it;
    const bool feed = modes_[own.connection.value - 1] == Mode::Feed;
    feed ? premature_feed(own, carried.decision) : premature_ordered(own, carried.decision);
    if (carried.decision.empty()) continue;
    if (it != payload.decisions.end()) {
      *it = std::move(carried);
    } else {
      payload.decisions.push_back(std::move(carried));
    }
  }
  std::ranges::sort(payload.decisions, {}, &agreement::CarriedDecision::connection);
}

Bytes Liar::payload(Height height, Bytes honest) {
  begin(height);
  old_payloads_.push_back(honest);
  if (old_payloads_.size() > kPayloadsKept) old_payloads_.pop_front();
  auto decoded = decode(honest);
  if (!decoded) return honest;
  if (acts(Strategy::Replay) && own_.chance(1, 2)) return old_payloads_[own_.below(old_payloads_.size())];
  if (acts(Strategy::Withhold)) {
    for (agreement::CarriedDecision& carried : decoded->decisions) {
      std::vector<Observation>& contents = carried.decision.feed.contents;
      // Its digests would not link any more: an ordered decision is cut at a place without any.
      if (own_.chance(1, 2) && !contents.empty()) contents.resize(own_.below(contents.size()) + 1);
    }
    std::erase_if(decoded->decisions, [&](const auto&) { return own_.chance(1, 2); });
  }
  if (acts(Strategy::Censor)) {
    std::erase_if(decoded->reports,
                  [&](const auto& report) { return report.member.value % 2 == height.value / 8 % 2; });
    if (own_.chance(1, 2)) decoded->decisions.clear();
  }
  if (acts(Strategy::Forge)) {
    for (agreement::CarriedDecision& carried : decoded->decisions) {
      if (own_.chance(2, 3)) forge(carried.decision);
    }
    if (own_.chance(1, 8))
      decoded->decisions.push_back(
          {ConnectionId(1 + own_.below(5)), Epoch(1 + static_cast<uint32_t>(own_.below(3))), {}});
    if (own_.chance(1, 8) && !decoded->reports.empty()) decoded->reports.push_back(decoded->reports[0]);
    if (own_.chance(1, 8) && !decoded->reports.empty()) decoded->reports[0].report[0] ^= 1;
  }
  if (acts(Strategy::Premature) && own_.chance(2, 3)) add_premature(*decoded);
  Bytes payload = agreement::encode_payload(*decoded);
  if (acts(Strategy::Forge) && own_.chance(1, 8) && !payload.empty())
    payload[own_.below(payload.size())] ^= static_cast<char>(1 + own_.below(255));
  return payload;
}

}  // namespace icws::sim
