#include "agreement/report_codec.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <unordered_map>

#include "agreement/interner.h"
#include "agreement/latest_values.h"
#include "icws/agreement/v1/agreement.pb.h"

namespace icws::agreement {
namespace {

namespace pb = icws::agreement::v1;

constexpr uint32_t kFormatVersion = 1;
constexpr size_t kKeyBytes = 16;
constexpr size_t kCloseReasonBytesMax = 123;

Bytes serialize(const google::protobuf::MessageLite& message) {
  Bytes out;
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return out;
}

// Parses, and refuses what does not encode to the same bytes again.
template <class Message>
bool parse_canonical(BytesView bytes, Message& message) {
  if (bytes.size() > static_cast<size_t>(INT32_MAX)) return false;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  // Unknown fields would be written back as they came.
  message.DiscardUnknownFields();
  return serialize(message) == bytes;
}

void put_varint(Bytes& out, uint32_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

std::optional<uint32_t> take_varint(BytesView& in) {
  uint32_t value = 0;
  for (unsigned shift = 0; shift < 28 && !in.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift > 0) return std::nullopt;
      return value;
    }
  }
  return std::nullopt;
}

struct KeyHasher {
  size_t operator()(const KeyHash& key) const {
    size_t out;
    std::memcpy(&out, key.data(), sizeof out);
    return out;
  }
};

void encode_items(const std::vector<FeedItem>& items, pb::Section& out) {
  std::unordered_map<KeyHash, uint32_t, KeyHasher> places;
  Bytes& keys = *out.mutable_keys();
  Bytes& packed = *out.mutable_items();
  for (const FeedItem& item : items) {
    const auto [it, fresh] = places.emplace(item.content.key, static_cast<uint32_t>(places.size()));
    if (fresh) keys.append(reinterpret_cast<const char*>(item.content.key.data()), kKeyBytes);
    put_varint(packed, it->second);
    packed += item.content.digest.view();
    put_varint(packed, item.copy);
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

bool decode_items(const pb::Section& in, const AgreementParams& params, std::vector<FeedItem>& out) {
  const auto keys = decode_keys(in.keys());
  if (!keys) return false;
  BytesView rest = in.items();
  Interner<FeedItem> listed(rest.size() / 34);
  uint32_t keys_used = 0;
  while (!rest.empty()) {
    if (out.size() == params.section_items_max) return false;
    const auto key = take_varint(rest);
    if (!key || *key >= keys->size() || *key > keys_used || rest.size() < 32) return false;
    if (*key == keys_used) ++keys_used;
    FeedItem item;
    item.content = ContentId{(*keys)[*key], *Digest::from(rest.substr(0, 32))};
    rest.remove_prefix(32);
    const auto copy = take_varint(rest);
    if (!copy || *copy == 0) return false;
    // The k-th time that a content is listed is its copy k.
    const bool in_turn = *copy == 1 || listed.find(FeedItem{item.content, *copy - 1}) != listed.size();
    item.copy = *copy;
    if (!in_turn || !listed.add(item).fresh) return false;
    out.push_back(item);
  }
  return keys_used == keys->size();
}

bool decode_ending(const pb::Section& in, Section& out) {
  const bool has = out.status == MemberStatus::Failed || out.status == MemberStatus::Ended;
  if (!has) return in.cause() == 0 && in.close_code() == 0 && in.close_reason().empty();
  const auto cause = transcript::cause_from(in.cause());
  if (!cause || in.close_code() > 4999 || in.close_reason().size() > kCloseReasonBytesMax) return false;
  out.ending = Ending{*cause, static_cast<uint16_t>(in.close_code()), in.close_reason()};
  return true;
}

bool decode_heads(const pb::Section& in, Section& out) {
  // P+1, P+2, P+4, ... P+2^63 and the newest.
  constexpr int kHeadsMax = 65;
  if (in.heads_size() > kHeadsMax) return false;
  for (const pb::Head& head : in.heads()) {
    const auto digest = Digest::from(head.digest());
    if (!digest || head.position() == 0) return false;
    if (!out.heads.empty() && out.heads.back().position.value >= head.position()) return false;
    out.heads.push_back(Head{Position(head.position()), *digest});
  }
  return true;
}

bool decode_values(const pb::Section& in, const AgreementParams& params, Section& out) {
  if (static_cast<uint64_t>(in.values_size()) > params.section_values_max) return false;
  for (const pb::LatestValue& value : in.values()) {
    if (value.key().size() > kValueKeyBytesMax || value.value().size() > kValueBytesMax) return false;
    if (value.age_ms() > static_cast<uint64_t>(kValueAgeMax.count())) return false;
    if (!out.values.empty() && out.values.back().key >= value.key()) return false;
    out.values.push_back({value.key(), value.value(), Milliseconds(static_cast<int64_t>(value.age_ms()))});
  }
  return true;
}

std::optional<Section> decode_section(const pb::Section& in, const AgreementParams& params) {
  Section out;
  out.connection = ConnectionId(in.connection_id());
  out.epoch = Epoch(in.epoch());
  if (in.status() < pb::MEMBER_STATUS_OPENING || in.status() > pb::MEMBER_STATUS_OUT_LOST)
    return std::nullopt;
  out.status = static_cast<MemberStatus>(in.status());
  out.sent_up_to = SendSequence(in.sent_up_to());
  out.complete = in.complete();
  if (!in.opened_digest().empty()) {
    out.opened = Digest::from(in.opened_digest());
    if (!out.opened) return std::nullopt;
  }
  if (!decode_ending(in, out) || !decode_heads(in, out) || !decode_items(in, params, out.items) ||
      !decode_values(in, params, out)) {
    return std::nullopt;
  }
  return out;
}

// At most kCloseReasonBytesMax, cut between characters: a reader refuses a report with half of one.
Bytes cut_reason(const Bytes& reason) {
  size_t size = std::min(reason.size(), kCloseReasonBytesMax);
  if (size == reason.size()) return reason;
  while (size > 0 && (static_cast<uint8_t>(reason[size]) & 0xc0) == 0x80) --size;
  return reason.substr(0, size);
}

void encode_section(const Section& section, pb::Section& out) {
  out.set_connection_id(section.connection.value);
  out.set_epoch(section.epoch.value);
  out.set_status(static_cast<pb::MemberStatus>(section.status));
  if (section.ending) {
    out.set_cause(static_cast<uint32_t>(section.ending->cause));
    out.set_close_code(section.ending->code);
    out.set_close_reason(cut_reason(section.ending->reason));
  }
  if (section.opened) out.set_opened_digest(Bytes(section.opened->view()));
  out.set_sent_up_to(section.sent_up_to.value);
  for (const Head& head : section.heads) {
    pb::Head& added = *out.add_heads();
    added.set_position(head.position.value);
    added.set_digest(Bytes(head.digest.view()));
  }
  encode_items(section.items, out);
  out.set_complete(section.complete);
  for (const LatestValue& value : section.values) {
    pb::LatestValue& added = *out.add_values();
    added.set_key(value.key);
    added.set_value(value.value);
    added.set_age_ms(static_cast<uint64_t>(value.age.count()));
  }
}

std::optional<Observation> decode_content(const pb::Content& in) {
  if (in.kind() == 0 || in.kind() > 5) return std::nullopt;
  return Observation{static_cast<ObservationKind>(in.kind()), in.content(), in.key()};
}

bool decode_decision(const pb::Decision& in, Mode mode, Decision& out) {
  if (!in.opened().empty()) out.opened = in.opened();
  auto& contents = mode == Mode::Ordered ? out.ordered.contents : out.feed.contents;
  for (const pb::Content& content : in.contents()) {
    auto observation = decode_content(content);
    if (!observation) return false;
    // An ordered content has no key: it would not be part of its digest.
    if (mode == Mode::Ordered && !observation->key.empty()) return false;
    contents.push_back(std::move(*observation));
  }
  if (in.digests().size() % 32 != 0) return false;
  for (size_t at = 0; at < in.digests().size(); at += 32) {
    out.ordered.digests.push_back(*Digest::from(BytesView(in.digests()).substr(at, 32)));
  }
  return true;
}

void encode_decision(const CarriedDecision& carried, pb::Decision& out) {
  out.set_connection_id(carried.connection.value);
  out.set_epoch(carried.epoch.value);
  const Decision& decision = carried.decision;
  if (decision.opened) out.set_opened(*decision.opened);
  const auto& contents = decision.ordered.empty() ? decision.feed.contents : decision.ordered.contents;
  for (const Observation& observation : contents) {
    pb::Content& content = *out.add_contents();
    content.set_kind(static_cast<uint32_t>(observation.kind));
    content.set_content(observation.content);
    content.set_key(observation.key);
  }
  Bytes& digests = *out.mutable_digests();
  for (const Digest& digest : decision.ordered.digests) digests += digest.view();
}

}  // namespace

Bytes encode_report(const Report& report) {
  pb::Report out;
  out.set_version(kFormatVersion);
  out.set_chain_id(report.chain_id);
  out.set_height(report.height.value);
  out.set_app_hash(Bytes(report.app_hash.view()));
  for (const Section& section : report.sections) encode_section(section, *out.add_sections());
  return serialize(out);
}

std::optional<Report> decode_report(BytesView bytes, const AgreementParams& params) {
  pb::Report in;
  if (!parse_canonical(bytes, in) || in.version() != kFormatVersion) return std::nullopt;
  const auto app_hash = Digest::from(in.app_hash());
  if (!app_hash) return std::nullopt;
  Report out;
  out.chain_id = in.chain_id();
  out.height = Height(in.height());
  out.app_hash = *app_hash;
  uint64_t last = 0;
  for (const pb::Section& section : in.sections()) {
    if (section.connection_id() <= last) return std::nullopt;
    last = section.connection_id();
    if (auto decoded = decode_section(section, params)) out.sections.push_back(std::move(*decoded));
  }
  return out;
}

Bytes encode_payload(const Payload& payload) {
  pb::Payload out;
  out.set_version(kFormatVersion);
  for (const CarriedReport& carried : payload.reports) {
    pb::SignedReport& report = *out.add_reports();
    report.set_member(carried.member.value);
    report.set_report(carried.report);
    report.set_signature(carried.signature);
  }
  for (const CarriedDecision& carried : payload.decisions) encode_decision(carried, *out.add_decisions());
  return serialize(out);
}

std::optional<Payload> decode_payload(BytesView bytes,
                                      const std::function<std::optional<Mode>(ConnectionId)>& mode_of) {
  pb::Payload in;
  if (!parse_canonical(bytes, in) || in.version() != kFormatVersion) return std::nullopt;
  Payload out;
  for (const pb::SignedReport& report : in.reports()) {
    if (!out.reports.empty() && out.reports.back().member.value >= report.member()) return std::nullopt;
    out.reports.push_back(CarriedReport{ReplicaIndex(report.member()), report.report(), report.signature()});
  }
  for (const pb::Decision& decision : in.decisions()) {
    const ConnectionId id(decision.connection_id());
    if (!out.decisions.empty() && out.decisions.back().connection >= id) return std::nullopt;
    CarriedDecision carried{id, Epoch(decision.epoch()), {}};
    if (const auto mode = mode_of(id); mode && !decode_decision(decision, *mode, carried.decision)) {
      return std::nullopt;
    }
    out.decisions.push_back(std::move(carried));
  }
  return out;
}

}  // namespace icws::agreement
