#include "agreement/report_codec.h"

#include <algorithm>
#include <unordered_map>

#include "agreement/interner.h"
#include "agreement/latest_values.h"
#include "base/canonical_proto.h"
#include "base/varint.h"

namespace icws::agreement {
namespace {

constexpr uint32_t kFormatVersion = 1;
constexpr size_t kKeyBytes = 16;
constexpr size_t kCloseReasonBytesMax = 123;

// Numbers of keys and copies have 28 bits at most.
std::optional<uint32_t> take_number(BytesView& in) {
  const auto value = take_varint(in);
  if (!value || *value >= 1u << 28) return std::nullopt;
  return static_cast<uint32_t>(*value);
}

struct KeyHasher {
  size_t operator()(const KeyHash& key) const {
    size_t out;
    std::memcpy(&out, key.data(), sizeof out);
    return out;
  }
};

void encode_items(const std::vector<FeedItem>& items, Bytes& keys, Bytes& packed) {
  std::unordered_map<KeyHash, uint32_t, KeyHasher> places;
  for (const FeedItem& item : items) {
    const auto [it, fresh] = places.emplace(item.content.key, static_cast<uint32_t>(places.size()));
    if (fresh) keys.append(reinterpret_cast<const char*>(item.content.key.data()), kKeyBytes);
    append_varint(packed, it->second);
    packed += item.content.digest.view();
    append_varint(packed, item.copy);
  }
}

std::optional<std::vector<KeyHash>> decode_keys(BytesView bytes) {
  if (bytes.size() % kKeyBytes != 0) return std::nullopt;
  std::vector<KeyHash> out(bytes.size() / kKeyBytes);
  for (size_t i = 0; i < out.size(); ++i) std::memcpy(out[i].data(), bytes.data() + i * kKeyBytes, kKeyBytes);
  std::vector<KeyHash> sorted = out;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) return std::nullopt;
  return out;
}

bool decode_items(BytesView key_bytes, BytesView rest, const AgreementParams& params,
                  std::vector<FeedItem>& out) {
  const auto keys = decode_keys(key_bytes);
  if (!keys) return false;
  Interner<FeedItem> listed(rest.size() / 34);
  uint32_t keys_used = 0;
  while (!rest.empty()) {
    if (out.size() == params.section_items_max) return false;
    const auto key = take_number(rest);
    if (!key || *key >= keys->size() || *key > keys_used || rest.size() < 32) return false;
    if (*key == keys_used) ++keys_used;
    FeedItem item;
    item.content = ContentId{(*keys)[*key], *Digest::from(rest.substr(0, 32))};
    rest.remove_prefix(32);
    const auto copy = take_number(rest);
    if (!copy || *copy == 0) return false;
    // The k-th time that a content is listed is its copy k.
    const bool in_turn = *copy == 1 || listed.find(FeedItem{item.content, *copy - 1}) != listed.size();
    item.copy = *copy;
    if (!in_turn || !listed.add(item).fresh) return false;
    out.push_back(item);
  }
  return keys_used == keys->size();
}

bool decode_ending(uint32_t cause, uint32_t code, BytesView reason, Section& out) {
  const bool has = out.status == MemberStatus::Failed || out.status == MemberStatus::Ended;
  if (!has) return cause == 0 && code == 0 && reason.empty();
  const auto known = transcript::cause_from(cause);
  if (!known || code > 4999 || reason.size() > kCloseReasonBytesMax) return false;
  out.ending = Ending{*known, static_cast<uint16_t>(code), Bytes(reason)};
  return true;
}

// What reading a part of a report says: bytes that are no report silence all of it, a section that is
// malformed in itself only that section.
struct Verdict {
  bool canonical = true;
  bool well_formed = true;
};

void decode_heads(ProtoReader& in, Section& out, Verdict& verdict) {
  // P+1, P+2, P+4, ... P+2^63 and the newest.
  constexpr size_t kHeadsMax = 65;
  while (const auto bytes = in.next_message(9)) {
    ProtoReader head(*bytes);
    const Position position(head.u64(1));
    const auto digest = Digest::from(head.bytes(2));
    verdict.canonical &= head.done();
    const bool in_order = out.heads.empty() ? position.value > 0 : out.heads.back().position < position;
    verdict.well_formed &= digest && in_order && out.heads.size() < kHeadsMax;
    if (verdict.well_formed) out.heads.push_back(Head{position, *digest});
  }
}

void decode_values(ProtoReader& in, const AgreementParams& params, Section& out, Verdict& verdict) {
  while (const auto bytes = in.next_message(20)) {
    ProtoReader value(*bytes);
    const BytesView key = value.bytes(1);
    const BytesView content = value.bytes(2);
    const uint64_t age_ms = value.u64(3);
    verdict.canonical &= value.done();
    const bool fits = key.size() <= kValueKeyBytesMax && content.size() <= kValueBytesMax &&
                      age_ms <= static_cast<uint64_t>(kValueAgeMax.count()) &&
                      out.values.size() < params.section_values_max;
    verdict.well_formed &= fits && (out.values.empty() || out.values.back().key < key);
    if (!verdict.well_formed) continue;
    out.values.push_back({Bytes(key), Bytes(content), Milliseconds(static_cast<int64_t>(age_ms))});
  }
}

Verdict decode_section(BytesView bytes, const AgreementParams& params, Section& out) {
  Verdict verdict;
  ProtoReader in(bytes);
  out.connection = ConnectionId(in.u64(1));
  out.epoch = Epoch(in.u32(2));
  const int32_t status = in.enumeration(3);
  verdict.well_formed = status >= static_cast<int32_t>(MemberStatus::Opening) &&
                        status <= static_cast<int32_t>(MemberStatus::OutLost);
  if (verdict.well_formed) out.status = static_cast<MemberStatus>(status);
  const uint32_t cause = in.u32(4);
  const uint32_t code = in.u32(5);
  verdict.well_formed = decode_ending(cause, code, in.bytes(6), out) && verdict.well_formed;
  const BytesView opened = in.bytes(7);
  out.opened = Digest::from(opened);
  verdict.well_formed &= opened.empty() || out.opened;
  out.sent_up_to = SendSequence(in.u64(8));
  decode_heads(in, out, verdict);
  const BytesView keys = in.bytes(10);
  const BytesView items = in.bytes(11);
  verdict.well_formed = verdict.well_formed && decode_items(keys, items, params, out.items);
  out.complete = in.boolean(12);
  decode_values(in, params, out, verdict);
  verdict.canonical &= in.done();
  return verdict;
}

// At most kCloseReasonBytesMax, cut between characters: a reader refuses a report with half of one.
Bytes cut_reason(const Bytes& reason) {
  size_t size = std::min(reason.size(), kCloseReasonBytesMax);
  if (size == reason.size()) return reason;
  while (size > 0 && (static_cast<uint8_t>(reason[size]) & 0xc0) == 0x80) --size;
  return reason.substr(0, size);
}

Bytes encode_section(const Section& section) {
  Bytes out;
  ProtoWriter writer(out);
  writer.u64(1, section.connection.value);
  writer.u64(2, section.epoch.value);
  writer.u64(3, static_cast<uint64_t>(section.status));
  if (section.ending) {
    writer.u64(4, static_cast<uint64_t>(section.ending->cause));
    writer.u64(5, section.ending->code);
    writer.bytes(6, cut_reason(section.ending->reason));
  }
  if (section.opened) writer.bytes(7, section.opened->view());
  writer.u64(8, section.sent_up_to.value);
  Bytes part;
  ProtoWriter nested(part);
  for (const Head& head : section.heads) {
    part.clear();
    nested.u64(1, head.position.value);
    nested.bytes(2, head.digest.view());
    writer.message(9, part);
  }
  Bytes keys;
  Bytes items;
  encode_items(section.items, keys, items);
  writer.bytes(10, keys);
  writer.bytes(11, items);
  writer.boolean(12, section.complete);
  for (const LatestValue& value : section.values) {
    part.clear();
    nested.bytes(1, value.key);
    nested.bytes(2, value.value);
    nested.u64(3, static_cast<uint64_t>(value.age.count()));
    writer.message(20, part);
  }
  return out;
}

std::optional<Observation> decode_content(BytesView bytes) {
  ProtoReader in(bytes);
  const uint32_t kind = in.u32(1);
  const BytesView content = in.bytes(2);
  const BytesView key = in.bytes(3);
  if (!in.done() || kind == 0 || kind > 5) return std::nullopt;
  return Observation{static_cast<ObservationKind>(kind), Bytes(content), Bytes(key)};
}

// Of a connection that nobody knows: only whether it is canonical.
bool canonical_content(BytesView bytes) {
  ProtoReader in(bytes);
  in.u32(1);
  in.bytes(2);
  in.bytes(3);
  return in.done();
}

bool decode_contents(ProtoReader& in, Mode mode, Decision& out) {
  auto& contents = mode == Mode::Ordered ? out.ordered.contents : out.feed.contents;
  contents.reserve(in.messages_left(4));
  while (const auto bytes = in.next_message(4)) {
    auto observation = decode_content(*bytes);
    if (!observation) return false;
    // An ordered content has no key: it would not be part of its digest.
    if (mode == Mode::Ordered && !observation->key.empty()) return false;
    contents.push_back(std::move(*observation));
  }
  return true;
}

// What follows connection and epoch.
bool decode_decision(ProtoReader& in, std::optional<Mode> mode, Decision& out) {
  const BytesView opened = in.bytes(3);
  if (!mode) {
    while (const auto content = in.next_message(4)) {
      if (!canonical_content(*content)) return false;
    }
    in.bytes(5);
    return in.done();
  }
  if (!opened.empty()) out.opened = Bytes(opened);
  if (!decode_contents(in, *mode, out)) return false;
  const BytesView digests = in.bytes(5);
  if (!in.done() || digests.size() % kDigestBytes != 0) return false;
  for (size_t at = 0; at < digests.size(); at += kDigestBytes) {
    out.ordered.digests.push_back(*Digest::from(digests.substr(at, kDigestBytes)));
  }
  return true;
}

Bytes encode_decision(const CarriedDecision& carried) {
  Bytes out;
  ProtoWriter writer(out);
  writer.u64(1, carried.connection.value);
  writer.u64(2, carried.epoch.value);
  const Decision& decision = carried.decision;
  if (decision.opened) writer.bytes(3, *decision.opened);
  const auto& contents = decision.ordered.empty() ? decision.feed.contents : decision.ordered.contents;
  Bytes part;
  ProtoWriter nested(part);
  for (const Observation& observation : contents) {
    part.clear();
    nested.u64(1, static_cast<uint64_t>(observation.kind));
    nested.bytes(2, observation.content);
    nested.bytes(3, observation.key);
    writer.message(4, part);
  }
  Bytes digests;
  for (const Digest& digest : decision.ordered.digests) digests += digest.view();
  writer.bytes(5, digests);
  return out;
}

}  // namespace

Bytes encode_report(const Report& report) {
  Bytes out;
  ProtoWriter writer(out);
  writer.u64(1, kFormatVersion);
  writer.bytes(2, report.chain_id);
  writer.u64(3, report.height.value);
  writer.bytes(4, report.app_hash.view());
  for (const Section& section : report.sections) writer.message(5, encode_section(section));
  return out;
}

std::optional<Report> decode_report(BytesView bytes, const AgreementParams& params) {
  ProtoReader in(bytes);
  if (in.u32(1) != kFormatVersion) return std::nullopt;
  Report out;
  out.chain_id = in.bytes(2);
  out.height = Height(in.u64(3));
  const auto app_hash = Digest::from(in.bytes(4));
  if (!app_hash) return std::nullopt;
  out.app_hash = *app_hash;
  ConnectionId last(0);
  while (const auto encoded = in.next_message(5)) {
    Section section;
    const Verdict verdict = decode_section(*encoded, params, section);
    if (!verdict.canonical || section.connection <= last) return std::nullopt;
    last = section.connection;
    if (verdict.well_formed) out.sections.push_back(std::move(section));
  }
  if (!in.done()) return std::nullopt;
  return out;
}

Bytes encode_payload(const Payload& payload) {
  Bytes out;
  ProtoWriter writer(out);
  writer.u64(1, kFormatVersion);
  Bytes part;
  ProtoWriter nested(part);
  for (const CarriedReport& carried : payload.reports) {
    part.clear();
    nested.u64(1, carried.member.value);
    nested.bytes(2, carried.report);
    nested.bytes(3, carried.signature);
    writer.message(2, part);
  }
  for (const CarriedDecision& carried : payload.decisions) writer.message(3, encode_decision(carried));
  return out;
}

std::optional<Payload> decode_payload(BytesView bytes,
                                      const std::function<std::optional<Mode>(ConnectionId)>& mode_of) {
  ProtoReader in(bytes);
  if (in.u32(1) != kFormatVersion) return std::nullopt;
  Payload out;
  while (const auto encoded = in.next_message(2)) {
    ProtoReader report(*encoded);
    CarriedReport carried{ReplicaIndex(report.u32(1)), Bytes(report.bytes(2)), Bytes(report.bytes(3))};
    if (!report.done()) return std::nullopt;
    if (!out.reports.empty() && out.reports.back().member >= carried.member) return std::nullopt;
    out.reports.push_back(std::move(carried));
  }
  while (const auto encoded = in.next_message(3)) {
    ProtoReader decision(*encoded);
    CarriedDecision carried{ConnectionId(decision.u64(1)), Epoch(decision.u32(2)), {}};
    if (!out.decisions.empty() && out.decisions.back().connection >= carried.connection) return std::nullopt;
    if (!decode_decision(decision, mode_of(carried.connection), carried.decision)) return std::nullopt;
    out.decisions.push_back(std::move(carried));
  }
  if (!in.done()) return std::nullopt;
  return out;
}

}  // namespace icws::agreement
