#include "agreement/report_codec.h"

#include <gtest/gtest.h>

#include "agreement/latest_values.h"
#include "base/prng.h"

namespace icws::agreement {
namespace {

const AgreementParams kParams;

Digest digest(uint64_t number) { return sha256(std::to_string(number)); }

Section feed_section() {
  Section out;
  out.connection = ConnectionId(2);
  out.epoch = Epoch(1);
  out.status = MemberStatus::Live;
  out.opened = digest(7);
  for (uint64_t i = 0; i < 30; ++i) {
    out.items.push_back(
        {feed_content_id(ObservationKind::Text, std::to_string(i % 3), std::to_string(i)), 1});
  }
  out.items.push_back({out.items[0].content, 2});
  out.complete = true;
  return out;
}

Report sample() {
  Section ordered;
  ordered.connection = ConnectionId(1);
  ordered.epoch = Epoch(3);
  ordered.status = MemberStatus::Ended;
  ordered.ending = Ending{transcript::Cause::Server, 1001, "bye"};
  ordered.sent_up_to = SendSequence(9);
  ordered.heads = {{Position(1), digest(1)}, {Position(2), digest(2)}, {Position(300), digest(3)}};
  return Report{"chain", Height(77), digest(0), {ordered, feed_section()}};
}

TEST(ReportCodec, ReadsWhatItWrote) {
  const Bytes bytes = encode_report(sample());
  const auto report = decode_report(bytes, kParams);
  ASSERT_TRUE(report);
  ASSERT_EQ(report->sections.size(), 2u);
  EXPECT_EQ(report->sections[0].heads, sample().sections[0].heads);
  EXPECT_EQ(report->sections[0].ending, sample().sections[0].ending);
  EXPECT_EQ(report->sections[1].items, sample().sections[1].items);
  EXPECT_EQ(report->sections[1].opened, digest(7));
  EXPECT_FALSE(report->sections[0].complete);
  EXPECT_TRUE(report->sections[1].complete);
  EXPECT_EQ(encode_report(*report), bytes);
}

TEST(ReportCodec, SurvivesEveryTruncationAndMutation) {
  const Bytes bytes = encode_report(sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A shorter one may be a report by chance (sections are left off the end), but then it is canonical.
    (void)decode_report(BytesView(bytes).substr(0, size), kParams);
  }
  Prng prng(1);
  for (size_t i = 0; i < 20'000; ++i) {
    Bytes mutated = bytes;
    for (uint64_t changes = 1 + prng.below(3); changes > 0; --changes) {
      const size_t at = prng.below(mutated.size());
      switch (prng.below(3)) {
        case 0:
          mutated[at] = static_cast<char>(prng.below(256));
          break;
        case 1:
          mutated.erase(at, 1 + prng.below(4));
          break;
        default:
          mutated.insert(at, 1, static_cast<char>(prng.below(256)));
      }
      if (mutated.empty()) mutated = "x";
    }
    (void)decode_report(mutated, kParams);
    (void)decode_payload(mutated, [](ConnectionId) { return Mode::Feed; });
  }
}

TEST(ReportCodec, RefusesOtherEncodingsOfTheSame) {
  const Bytes bytes = encode_report(sample());
  EXPECT_FALSE(decode_report(bytes + Bytes("\x08\x01", 2), kParams));      // a field again
  EXPECT_FALSE(decode_report(bytes + Bytes("\xf8\x01\x01", 3), kParams));  // an unknown field
  Bytes padded = bytes;
  padded.replace(0, 2, Bytes("\x08\x81\x00", 3));  // a longer varint
  EXPECT_FALSE(decode_report(padded, kParams));
  EXPECT_FALSE(decode_report({}, kParams));
}

TEST(ReportCodec, AMalformedSectionIsLeftOutAndTheOthersStay) {
  const auto check = [](auto&& spoil) {
    Report report = sample();
    spoil(report.sections[0], report.sections[1]);
    const auto decoded = decode_report(encode_report(report), kParams);
    ASSERT_TRUE(decoded);
    ASSERT_EQ(decoded->sections.size(), 1u);
  };
  check([](Section&, Section& feed) { feed.items.push_back(feed.items[3]); });  // a duplicate
  check([](Section&, Section& feed) { feed.items[0].copy = 2; });
  check([](Section&, Section& feed) { feed.items.back().copy = 3; });
  check([](Section& ordered, Section&) { std::swap(ordered.heads[0], ordered.heads[1]); });
  check([](Section& ordered, Section&) { ordered.heads[1] = ordered.heads[0]; });
  check([](Section& ordered, Section&) { ordered.heads[0].position = Position(0); });
  check([](Section& ordered, Section&) { ordered.status = static_cast<MemberStatus>(9); });
  check([](Section& ordered, Section&) { ordered.ending->cause = static_cast<transcript::Cause>(99); });
  check([](Section& ordered, Section&) { ordered.status = MemberStatus::Live; });  // with an ending
  check([](Section&, Section& feed) {
    for (uint64_t i = 0; i < kParams.section_items_max; ++i) {
      feed.items.push_back({feed_content_id(ObservationKind::Text, "0", std::to_string(i + 1'000)), 1});
    }
  });
}

TEST(ReportCodec, ConnectionsAreInOrderAndOnce) {
  Report report = sample();
  std::swap(report.sections[0], report.sections[1]);
  EXPECT_FALSE(decode_report(encode_report(report), kParams));
  report.sections[1] = report.sections[0];
  EXPECT_FALSE(decode_report(encode_report(report), kParams));
}

TEST(ReportCodec, ALongReasonIsCutBetweenCharacters) {
  Report report = sample();
  report.sections[0].ending->reason = Bytes(122, 'x') + "\xc3\xa4";
  const auto decoded = decode_report(encode_report(report), kParams);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->sections[0].ending->reason, Bytes(122, 'x'));
}

Payload sample_payload() {
  Payload out;
  out.reports = {{ReplicaIndex(0), "r0", "s0"}, {ReplicaIndex(2), "r2", "s2"}};
  Decision ordered, feed;
  ordered.ordered.contents = {{ObservationKind::Text, "a", {}}};
  ordered.ordered.digests = {digest(1), digest(2)};
  feed.feed.contents = {{ObservationKind::Binary, "b", "key"}, {ObservationKind::Text, "", ""}};
  out.decisions = {{ConnectionId(1), Epoch(1), ordered}, {ConnectionId(2), Epoch(4), feed}};
  return out;
}

std::optional<Mode> mode_of(ConnectionId id) { return id == ConnectionId(1) ? Mode::Ordered : Mode::Feed; }

TEST(PayloadCodec, ReadsWhatItWrote) {
  const Bytes bytes = encode_payload(sample_payload());
  const auto payload = decode_payload(bytes, mode_of);
  ASSERT_TRUE(payload);
  EXPECT_EQ(payload->reports[1].member, ReplicaIndex(2));
  EXPECT_EQ(payload->decisions[0].decision.ordered.digests.size(), 2u);
  EXPECT_EQ(payload->decisions[1].decision.feed.contents,
            sample_payload().decisions[1].decision.feed.contents);
  EXPECT_EQ(encode_payload(*payload), bytes);
}

TEST(PayloadCodec, RefusesDuplicatesUnknownFieldsAndKeysInOrdered) {
  Payload payload = sample_payload();
  payload.reports[1].member = ReplicaIndex(0);
  EXPECT_FALSE(decode_payload(encode_payload(payload), mode_of));
  payload = sample_payload();
  payload.decisions[1].connection = ConnectionId(1);
  EXPECT_FALSE(decode_payload(encode_payload(payload), mode_of));
  payload = sample_payload();
  payload.decisions[0].decision.ordered.contents[0].key = "unsigned";
  EXPECT_FALSE(decode_payload(encode_payload(payload), mode_of));
  EXPECT_FALSE(decode_payload(encode_payload(sample_payload()) + Bytes("\xf8\x01\x01", 3), mode_of));
}

Report observing(std::vector<LatestValue> values) {
  Section section;
  section.connection = ConnectionId(1);
  section.epoch = Epoch(1);
  section.status = MemberStatus::Live;
  section.values = std::move(values);
  return Report{"chain", Height(7), digest(0), {section}};
}

std::optional<size_t> values_read(std::vector<LatestValue> values) {
  const auto report = decode_report(encode_report(observing(std::move(values))), kParams);
  if (!report || report->sections.empty()) return std::nullopt;
  return report->sections[0].values.size();
}

TEST(ReportCodec, CarriesLatestValuesAtTheirLimits) {
  const LatestValue largest{Bytes(kValueKeyBytesMax, 'k'), Bytes(kValueBytesMax, 'v'), kValueAgeMax};
  const auto report =
      decode_report(encode_report(observing({{"a", "1", Milliseconds(0)}, largest})), kParams);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->sections.at(0).values, (std::vector<LatestValue>{{"a", "1", Milliseconds(0)}, largest}));
  LatestValue larger = largest;
  larger.key += "k";
  EXPECT_FALSE(values_read({larger}));
  larger = largest;
  larger.value += "v";
  EXPECT_FALSE(values_read({larger}));
  larger = largest;
  larger.age += Milliseconds(1);
  EXPECT_FALSE(values_read({larger}));
  EXPECT_FALSE(values_read({{"b", "1", {}}, {"a", "1", {}}}));
  EXPECT_FALSE(values_read({{"a", "1", {}}, {"a", "2", {}}}));
  std::vector<LatestValue> many;
  for (uint32_t i = 0; i < kParams.section_values_max; ++i)
    many.push_back({std::to_string(1'000 + i), "1", {}});
  EXPECT_EQ(values_read(many), many.size());
  many.push_back({"a", "1", {}});
  EXPECT_FALSE(values_read(many));
}

}  // namespace
}  // namespace icws::agreement
