#include "sim/liar.h"

#include <algorithm>
#include <unordered_map>

namespace icws::sim {
namespace {

using agreement::ContentId;
using agreement::FeedItem;
using agreement::Head;
using agreement::MemberStatus;
using agreement::Mode;
using agreement::Observation;
using agreement::Report;
using agreement::Section;

// Blocks for which a strategy is on or off.
constexpr uint64_t kStretch = 12;
constexpr size_t kOldKept = 12;

Digest any_digest(Prng& prng) { return Sha256().update_u64(prng.next()).finish(); }

// Copies of a content ascend from 1 in every list.
void number_copies(std::vector<FeedItem>& items) {
  std::unordered_map<ContentId, uint32_t> copies;
  for (FeedItem& item : items) item.copy = ++copies[item.content];
}

template <class T>
void shuffle(std::vector<T>& values, Prng& prng) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[prng.below(i)]);
}

const Section* section_of(const Report& report, ConnectionId connection) {
  const auto it = std::ranges::find(report.sections, connection, &Section::connection);
  return it == report.sections.end() ? nullptr : &*it;
}

}  // namespace

Bytes SimVerifier::sign(BytesView public_key, ReplicaIndex member, Height height, BytesView report) {
  Sha256 hash;
  hash.update_sized(public_key).update_u64(member.value).update_u64(height.value).update(report);
  return Bytes(hash.finish().view());
}

bool SimVerifier::verify(const replica::SignedReport& report, const Bytes& public_key) const {
  return report.signature == sign(public_key, report.member, report.height, report.report);
}

Liar::Liar(const LiarPlan& plan, uint64_t seed, const replica::ClusterParams& params, std::vector<Mode> modes,
           const Ledger& ledger)
    : plan_(plan),
      seed_(seed),
      params_(params),
      modes_(std::move(modes)),
      ledger_(ledger),
      onlooker_(params.agreement, ledger),
      own_(seed * 41 + plan.member + 1),
      forging_(seed) {}

void Liar::begin(Height height) {
  // In step: what is forged at a height is the same whoever forges it, if they collude.
  const uint64_t stretch = height.value / kStretch;
  const uint64_t who = plan_.colludes ? 0 : plan_.member + 1;
  forging_ = Prng((seed_ * 1'000'003 + height.value) * 64 + who);
  Prng choice((seed_ * 1'000'033 + stretch) * 64 + who);
  acting_.clear();
  for (uint8_t i = 0; i < kStrategies; ++i) {
    const bool on = choice.chance(3, 4);
    if (on && std::ranges::find(plan_.strategies, static_cast<Strategy>(i)) != plan_.strategies.end())
      acting_.insert(static_cast<Strategy>(i));
  }
}

void Liar::on_event(replica::SocketEvent& event) {
  if (!acts(Strategy::LieContents)) return;
  if (auto* message = std::get_if<replica::SocketMessage>(&event.what)) {
    if (own_.chance(1, 2)) message->content += " ";
    if (own_.chance(1, 4))
      message->content = R"({"key":1,"serial":)" + std::to_string(forging_.below(200)) + "}";
    if (own_.chance(1, 16)) message->kind = replica::MessageKind::Binary;
  }
}

replica::SignedReport Liar::sign(Height height, Bytes report) const {
  const ReplicaIndex self(plan_.member);
  Bytes signature = SimVerifier::sign(key_, self, height, report);
  return replica::SignedReport{self, height, std::move(report), std::move(signature)};
}

void Liar::fit(Report& report) const {
  while (agreement::encode_report(report).size() > params_.report_bytes_max) {
    for (Section& section : report.sections) {
      section.items.resize(section.items.size() / 2);
      section.heads.resize(section.heads.size() / 2);
      section.values.resize(section.values.size() / 2);
    }
  }
}

std::vector<replica::SignedReport> Liar::reports(Height height, const Bytes& honest,
                                                 const std::vector<replica::SignedReport>& last, Bytes key,
                                                 const replica::State& state) {
  key_ = std::move(key);
  begin(height);
  std::vector<replica::SignedReport> out;
  auto report = agreement::decode_report(honest, params_.agreement);
  if (!report || acts(Strategy::Silent)) return out;
  std::vector<Report> others;
  for (const replica::SignedReport& other : last) {
    if (auto decoded = agreement::decode_report(other.report, params_.agreement))
      others.push_back(std::move(*decoded));
  }
  const Report truth = *report;
  if (acts(Strategy::Stale) && !old_reports_.empty() && own_.chance(1, 2))
    report->sections = old_reports_[own_.below(old_reports_.size())].sections;
  for (Section& section : report->sections) change_section(section, others, state);
  fit(*report);
  old_reports_.push_back(truth);
  if (old_reports_.size() > kOldKept) old_reports_.pop_front();
  if (acts(Strategy::Equivocate)) {
    // Two reports, each for some proposers; all of them see both now and then.
    out.push_back(sign(height, honest));
    Report empty = truth;
    empty.sections.clear();
    out.push_back(sign(height, agreement::encode_report(own_.chance(1, 2) ? empty : *report)));
    if (own_.chance(1, 2)) std::swap(out[0], out[1]);
  } else if (acts(Strategy::Malformed) && own_.chance(1, 2)) {
    out.push_back(malformed(height, *report));
  } else {
    out.push_back(sign(height, agreement::encode_report(*report)));
  }
  return out;
}

replica::SignedReport Liar::malformed(Height height, const Report& honest) {
  Report report = honest;
  switch (own_.below(9)) {
    case 0: {
      Bytes bytes = agreement::encode_report(report);
      bytes[own_.below(bytes.size())] ^= static_cast<char>(1 + own_.below(255));
      return sign(height, std::move(bytes));
    }
    case 1: {
      replica::SignedReport out = sign(height, agreement::encode_report(report));
      out.signature[0] ^= 1;
      return out;
    }
    case 2:
      report.chain_id = "other";
      break;
    case 3:
      report.height = report.height.next();
      break;
    case 4:
      report.app_hash = any_digest(own_);
      break;
    case 5:
      return sign(height, Bytes(params_.report_bytes_max + 1, 'x'));
    case 6:
      // Of connections and epochs that are not.
      for (Section& section : report.sections) section.epoch = section.epoch.next();
      report.sections.emplace_back();
      report.sections.back().connection = ConnectionId(99);
      break;
    case 7: {
      replica::SignedReport out = sign(height, agreement::encode_report(report));
      out.member = ReplicaIndex(static_cast<uint32_t>(own_.below(params_.replica_keys.size() + 1)));
      return out;
    }
    default:
      for (Section& section : report.sections) {
        if (!section.items.empty()) section.items.push_back(section.items.front());
        std::ranges::reverse(section.heads);
      }
  }
  return sign(height, agreement::encode_report(report));
}

void Liar::change_section(Section& section, const std::vector<Report>& last, const replica::State& state) {
  const Mode mode =
      section.connection.value <= modes_.size() ? modes_[section.connection.value - 1] : Mode::Feed;
  if (acts(Strategy::FalseEnd)) {
    constexpr MemberStatus kEnds[] = {MemberStatus::Failed, MemberStatus::Ended, MemberStatus::OutMismatch,
                                      MemberStatus::OutLost};
    section.status = kEnds[forging_.below(mode == Mode::Ordered ? 4 : 2)];
    section.ending.reset();
    if (section.status == MemberStatus::Failed || section.status == MemberStatus::Ended)
      section.ending = agreement::Ending{static_cast<transcript::Cause>(1 + forging_.below(5)), 1006, {}};
    if (section.status == MemberStatus::OutMismatch || section.status == MemberStatus::OutLost)
      section.heads.clear();
  }
  if (acts(Strategy::FalseSends)) section.sent_up_to = SendSequence(1'000);
  if (acts(Strategy::FalseOpen) && section.opened) section.opened = any_digest(forging_);
  if (mode == Mode::Feed) change_feed(section, last);
  if (mode == Mode::Ordered) change_ordered(section, state);
  if (mode == Mode::Observations) change_values(section);
}

void Liar::change_values(Section& section) {
  if (acts(Strategy::FalseComplete)) section.values.clear();
  for (agreement::LatestValue& value : section.values) {
    if (acts(Strategy::LieContents)) value.value = forging_.chance(1, 2) ? "-1e900" : "1e900";
    if (acts(Strategy::Flood)) value.value = std::to_string(forging_.below(100'000));
    if (acts(Strategy::Stale)) value.age = Milliseconds(static_cast<int64_t>(forging_.below(5'000)));
    if (acts(Strategy::Malformed) && own_.chance(1, 4)) value.value = "1.0e";
  }
  if (!acts(Strategy::Flood)) return;
  for (uint64_t i = forging_.below(20); i > 0; --i)
    section.values.push_back({"[" + std::to_string(forging_.below(1'000)) + "]", "1", Milliseconds(0)});
  std::ranges::sort(section.values, {}, &agreement::LatestValue::key);
  const auto same = std::ranges::unique(section.values, {}, &agreement::LatestValue::key);
  section.values.erase(same.begin(), same.end());
}

void Liar::permute(Section& section) {
  std::vector<FeedItem>& items = section.items;
  switch (forging_.below(4)) {
    case 0:
      std::ranges::reverse(items);
      break;
    case 1:
      // The same order for all that collude, whatever each has.
      std::ranges::sort(items, {}, [](const FeedItem& item) { return item.content.digest; });
      break;
    case 2:
      if (items.size() > 1) std::ranges::rotate(items, items.end() - 1);
      break;
    default:
      shuffle(items, forging_);
  }
  number_copies(items);
}

void Liar::change_feed(Section& section, const std::vector<Report>& last) {
  if (acts(Strategy::FalseComplete)) {
    section.items.clear();
    section.complete = true;
  }
  if (acts(Strategy::Echo) && !last.empty()) {
    // What one other member lists counts twice then, wherever it stands.
    const Section* other = section_of(last[forging_.below(last.size())], section.connection);
    if (other != nullptr && other->epoch == section.epoch) {
      for (const FeedItem& item : other->items) {
        if (std::ranges::find(section.items, item.content, &FeedItem::content) == section.items.end())
          section.items.insert(section.items.begin(), item);
      }
      number_copies(section.items);
    }
  }
  if (acts(Strategy::Order)) permute(section);
  if (acts(Strategy::Flood)) {
    const agreement::KeyHash key =
        section.items.empty() ? agreement::key_hash("x") : section.items[0].content.key;
    std::vector<FeedItem> forged;
    for (uint64_t left = 1 + forging_.below(60); left > 0; --left)
      forged.push_back(FeedItem{ContentId{key, any_digest(forging_)}, 1});
    // Many copies of what is there as well.
    if (!section.items.empty()) forged.insert(forged.end(), 5, section.items[0]);
    section.items.insert(forging_.chance(1, 2) ? section.items.begin() : section.items.end(), forged.begin(),
                         forged.end());
    number_copies(section.items);
  }
  section.items.resize(std::min<size_t>(section.items.size(), params_.agreement.section_items_max));
}

uint32_t Liar::backed() const {
  const auto members = static_cast<uint32_t>(params_.replica_keys.size());
  // The first member is the one that servers lie to.
  const uint32_t member = static_cast<uint32_t>(seed_ % 4 == 0 ? seed_ / 4 % members : 0);
  return member == plan_.member ? (member + 1) % members : member;
}

void Liar::change_ordered(Section& section, const replica::State& state) {
  std::vector<Head>& heads = section.heads;
  const auto slot = state.connections.find(section.connection);
  if (acts(Strategy::Back) && slot != state.connections.end() &&
      slot->second.record.agreement.epoch == section.epoch) {
    const replica::Connection& record = slot->second.record;
    if (const auto log = onlooker_.ordered_log(record, backed())) {
      section.status = MemberStatus::Live;
      section.ending.reset();
      heads = log->heads(record.agreement.ordered.position, params_.agreement.head_window);
    }
  }
  if (acts(Strategy::FalseHeads) && !heads.empty()) {
    const uint64_t what = forging_.below(4);
    if (what == 0) heads.front().digest = any_digest(forging_);
    if (what == 1) heads.back().digest = any_digest(forging_);
    if (what == 2) heads.erase(heads.begin());
    if (what == 3) {
      for (Head& head : heads) head.digest = any_digest(forging_);
    }
  }
  if (acts(Strategy::Flood)) {
    const uint64_t from = heads.empty() ? 1 : heads.back().position.value + 1;
    heads.push_back(Head{Position(from), any_digest(forging_)});
    heads.push_back(Head{Position(from + 5'000'000), any_digest(forging_)});
  }
}

bool Liar::vote(bool valid, bool by_liar) { return acts(Strategy::Refuse) ? by_liar : valid; }

}  // namespace icws::sim
