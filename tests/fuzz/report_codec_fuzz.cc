// Reports and payloads, which are read by hand, against protobuf's own parser: what is read is the same, and
// what does not encode to the same bytes again is refused. The first byte chooses: a report, or a payload.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cstdlib>

#include "agreement/interner.h"
#include "agreement/latest_values.h"
#include "agreement/report_codec.h"
#include "icws/agreement/v1/agreement.pb.h"

namespace icws::agreement {
namespace {

namespace pb = icws::agreement::v1;

constexpr uint32_t kFormatVersion = 1;
constexpr size_t kKeyBytes = 16;
constexpr size_t kCloseReasonBytesMax = 123;

// One connection of each kind, and the rest unknown.
std::optional<Mode> mode_of(ConnectionId id) {
  if (id.value % 4 == 1) return Mode::Ordered;
  if (id.value % 4 == 2) return Mode::Feed;
  if (id.value % 4 == 3) return Mode::Observations;
  return std::nullopt;
}

template <class Message>
bool parse_canonical(BytesView bytes, Message& message) {
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  message.DiscardUnknownFields();
  Bytes again;
  google::protobuf::io::StringOutputStream stream(&again);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return again == bytes;
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

std::optional<Observation> decode_content(const pb::Content& in) {
  if (in.kind() == 0 || in.kind() > 5) return std::nullopt;
  return Observation{static_cast<ObservationKind>(in.kind()), in.content(), in.key()};
}

bool decode_decision(const pb::Decision& in, Mode mode, Decision& out) {
  if (!in.opened().empty()) out.opened = in.opened();
  auto& contents = mode == Mode::Ordered ? out.ordered.contents : out.feed.contents;
  contents.reserve(static_cast<size_t>(in.contents_size()));
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

std::optional<Report> report_by_protobuf(BytesView bytes, const AgreementParams& params) {
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

std::optional<Payload> payload_by_protobuf(BytesView bytes) {
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

void require(bool condition) {
  if (!condition) std::abort();
}

bool same(const Section& a, const Section& b) {
  return a.connection == b.connection && a.epoch == b.epoch && a.status == b.status && a.ending == b.ending &&
         a.opened == b.opened && a.sent_up_to == b.sent_up_to && a.heads == b.heads && a.items == b.items &&
         a.complete == b.complete && a.values == b.values;
}

void compare_reports(BytesView bytes) {
  const AgreementParams params;
  const auto expected = report_by_protobuf(bytes, params);
  const auto read = decode_report(bytes, params);
  require(read.has_value() == expected.has_value());
  if (!read) return;
  require(read->chain_id == expected->chain_id && read->height == expected->height);
  require(read->app_hash == expected->app_hash);
  require(std::ranges::equal(read->sections, expected->sections, same));
}

void compare_payloads(BytesView bytes) {
  const auto expected = payload_by_protobuf(bytes);
  const auto read = decode_payload(bytes, mode_of);
  require(read.has_value() == expected.has_value());
  if (!read) return;
  const auto same_report = [](const CarriedReport& a, const CarriedReport& b) {
    return a.member == b.member && a.report == b.report && a.signature == b.signature;
  };
  const auto same_decision = [](const CarriedDecision& a, const CarriedDecision& b) {
    return a.connection == b.connection && a.epoch == b.epoch && a.decision.opened == b.decision.opened &&
           a.decision.ordered.contents == b.decision.ordered.contents &&
           a.decision.ordered.digests == b.decision.ordered.digests &&
           a.decision.feed.contents == b.decision.feed.contents;
  };
  require(std::ranges::equal(read->reports, expected->reports, same_report));
  require(std::ranges::equal(read->decisions, expected->decisions, same_decision));
  // What is left out of an unknown connection's decision cannot come back.
  const bool known = std::ranges::all_of(
      read->decisions, [](const auto& carried) { return mode_of(carried.connection).has_value(); });
  if (known) require(encode_payload(*read) == bytes);
}

}  // namespace
}  // namespace icws::agreement

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const icws::BytesView bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] == 'r') {
    icws::agreement::compare_reports(bytes);
  } else {
    icws::agreement::compare_payloads(bytes);
  }
  return 0;
}
