// What a Byzantine proposer puts into its blocks.
#include <algorithm>

#include "replica/block_step.h"
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
    const auto key = feed_key(text);
    if (!key) return;
    decision.feed.contents.push_back({agreement::ObservationKind::Text, text, *key});
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

namespace {

agreement::Decision& decision_of(agreement::Payload& payload, const replica::Connection& record) {
  const auto it =
      std::ranges::lower_bound(payload.decisions, record.id, {}, &agreement::CarriedDecision::connection);
  if (it != payload.decisions.end() && it->connection == record.id) return it->decision;
  return payload.decisions.insert(it, {record.id, record.agreement.epoch, {}})->decision;
}

bool active(const replica::Connection& record) {
  return record.phase == replica::RecordPhase::Active && record.agreement.phase != agreement::Phase::Ended;
}

// A subnet whose quorum is so many.
agreement::Quorum with_quorum(uint32_t q) {
  uint32_t n = q;
  while (agreement::Quorum(n).q() < q) ++n;
  return agreement::Quorum(n);
}

}  // namespace

void Liar::on_block(const replica::Block& block, const Digest& app_hash) {
  onlooker_.block(block.height, decode(block.payload), app_hash);
}

// Ordered: what only f+1 sections support.
void Liar::add_few(agreement::Payload& payload, Height height, const replica::State& state) {
  onlooker_.with(payload.reports, height, [&](const replica::ReportWindow& window) {
    for (const auto& [id, slot] : state.connections) {
      const replica::Connection& record = slot.record;
      if (record.arguments.mode != Mode::Ordered || !active(record)) continue;
      const auto log = onlooker_.ordered_log(record, backed());
      if (!log) continue;
      const agreement::View view =
          window.view(id, record.agreement.epoch, record.agreement.committee, height);
      const agreement::OrderedDecision few = agreement::propose_ordered(
          record.agreement.ordered, view, *log, with_quorum(record.agreement.quorum().f() + 1),
          {params_.block_content_bytes_max, UINT64_MAX, UINT64_MAX}, params_.agreement);
      if (!few.empty()) decision_of(payload, record).ordered = few;
    }
  });
}

// As an honest proposer that knows all contents and no limits.
void Liar::add_greedy(agreement::Payload& payload, const replica::ProposalRequest& request,
                      const replica::State& state) {
  const AgreedTime now = replica::advance_time(state.global, request.time);
  onlooker_.with(payload.reports, request.height, [&](const replica::ReportWindow& window) {
    for (const auto& [id, slot] : state.connections) {
      const replica::Connection& record = slot.record;
      if (!active(record) || record.agreement.phase != agreement::Phase::Open) continue;
      if (id.value > modes_.size() || own_.chance(1, 4)) continue;
      const agreement::View view =
          window.view(id, record.agreement.epoch, record.agreement.committee, request.height);
      const auto log = onlooker_.ordered_log(record, backed());
      const agreement::FeedLog feed_log = onlooker_.feed_log(id);
      agreement::Context context = replica::context_for(slot, params_, request.height, now);
      context.inbox_bytes = UINT64_MAX / 2;
      const agreement::Decision greedy =
          agreement::propose(record.agreement, view, {log ? &*log : nullptr, &feed_log, nullptr}, context,
                             UINT64_MAX / 2, params_.agreement);
      if (!greedy.empty()) decision_of(payload, record) = greedy;
    }
  });
}

// A block's messages of a feed once more, mostly without any new report.
void Liar::add_again(agreement::Payload& payload, Height height, const replica::Replica& replica) {
  constexpr uint64_t kBlocksBack = 14;
  constexpr size_t kEntriesBack = 64;
  if (own_.chance(3, 4)) payload.reports.clear();
  payload.decisions.clear();
  for (const auto& [id, slot] : replica.state().connections) {
    const replica::Connection& record = slot.record;
    if (record.arguments.mode != Mode::Feed || !active(record)) continue;
    const uint64_t last = record.last_entry.value;
    const auto entries = replica.transcript(id, EntrySequence(last > kEntriesBack ? last - kEntriesBack : 1),
                                            kEntriesBack + 1);
    std::map<Height, std::vector<Observation>> by_block;
    for (const transcript::Entry& entry : entries) {
      const auto* message = std::get_if<transcript::Message>(&entry.what);
      if (message != nullptr && entry.height.value + kBlocksBack >= height.value)
        by_block[entry.height].push_back({agreement::ObservationKind::Text, message->content, message->key});
    }
    if (by_block.empty()) continue;
    const auto chosen = std::next(by_block.begin(), static_cast<ptrdiff_t>(own_.below(by_block.size())));
    decision_of(payload, record).feed.contents = chosen->second;
  }
}

Bytes Liar::payload(const replica::ProposalRequest& request, Bytes honest, const replica::Replica& replica) {
  const Height height = request.height;
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
  if (acts(Strategy::Few)) add_few(*decoded, height, replica.state());
  if (acts(Strategy::Greedy) && own_.chance(2, 3)) add_greedy(*decoded, request, replica.state());
  if (acts(Strategy::Again) && own_.chance(2, 3)) add_again(*decoded, height, replica);
  Bytes payload = agreement::encode_payload(*decoded);
  if (acts(Strategy::Forge) && own_.chance(1, 8) && !payload.empty())
    payload[own_.below(payload.size())] ^= static_cast<char>(1 + own_.below(255));
  return payload;
}

}  // namespace icws::sim
