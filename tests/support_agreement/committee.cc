#include "tests/support_agreement/committee.h"

#include <gtest/gtest.h>

#include <numeric>

#include "agreement/report_codec.h"

namespace icws::test_agreement {

using namespace agreement;

namespace {

std::vector<ReplicaIndex> first_replicas(uint32_t count) {
  std::vector<ReplicaIndex> out(count);
  for (uint32_t i = 0; i < count; ++i) out[i] = ReplicaIndex(i);
  return out;
}

Bytes fingerprint(const Outcome& outcome) {
  Bytes out = archive_encode(outcome.next);
  for (const FeedEmission& emission : outcome.emissions) {
    out += std::to_string(emission.gap.missing) + "/" + emission.observation.content + "\n";
  }
  for (const transcript::Reading& reading : outcome.readings) out += archive_encode(reading);
  out += outcome.end ? "end " + std::to_string(static_cast<int>(outcome.end->cause)) : "on";
  return out;
}

}  // namespace

Committee::Committee(CommitteeOptions options)
    : options_(options),
      state_(begin_epoch(ConnectionId(1), options.mode, Epoch(1), first_replicas(options.members), Digest{},
                         AgreedTime{}, options.open_timeout, ModeSettings{options.observations, {}})),
      ordered_(options.members, OrderedLog({EventSequence(0), Position(0), state_.ordered.head})),
      feed_(options.members),
      evidence_(options.members),
      values_(options.members),
      opened_bytes_(options.members),
      status_(options.members, MemberStatus::Opening),
      ending_(options.members),
      lies_(options.members),
      attempts_(options.members, Attempt(1)),
      events_(options.members, 0),
      report_bytes_(options.members, 0),
      fresh_(options.members),
      in_force_(options.members),
      carried_at_(options.members, 0) {}

void Committee::opens(size_t member, transcript::Opened opened) {
  status_[member] = MemberStatus::Live;
  opened_bytes_[member] = archive_encode(opened);
  if (options_.mode == Mode::Ordered) {
    ordered_[member].append(Observation{ObservationKind::Opened, *opened_bytes_[member], {}},
                            EventSequence(++events_[member]), local_now());
  }
}

void Committee::sees(size_t member, const Bytes& text, const Bytes& key) {
  const Observation observation{ObservationKind::Text, text, options_.mode == Mode::Feed ? key : Bytes()};
  if (options_.mode == Mode::Observations) {
    if (auto value = value_of(options_.observations.deliver, text)) {
      values_[member].put(key, std::move(*value), local_now());
    }
  } else if (options_.mode == Mode::Ordered) {
    ordered_[member].append(observation, EventSequence(++events_[member]), local_now());
  } else {
    feed_[member].append(observation, EventRef{attempts_[member], EventSequence(++events_[member])},
                         local_now());
  }
}

void Committee::all_see(const std::vector<Bytes>& texts, const Bytes& key) {
  for (size_t member = 0; member < size(); ++member) {
    for (const Bytes& text : texts) sees(member, text, key);
  }
}

void Committee::closes(size_t member, uint16_t code, const Bytes& reason) {
  reports_status(member, MemberStatus::Ended, Ending{transcript::Cause::Server, code, reason});
  if (options_.mode != Mode::Ordered) return;
  ordered_[member].append(Observation{ObservationKind::Closed, archive_encode(CloseFrame{code, reason}), {}},
                          EventSequence(++events_[member]), local_now());
}

void Committee::reports_status(size_t member, MemberStatus status, std::optional<Ending> ending) {
  status_[member] = status;
  ending_[member] = std::move(ending);
}

void Committee::loses_socket(size_t member) {
  if (options_.mode == Mode::Ordered) {
    reports_status(member, MemberStatus::OutLost);
  } else {
    // Entries and credits stay, as with a replica: only the event numbers begin anew.
    attempts_[member] = attempts_[member].next();
    events_[member] = 0;
  }
}

void Committee::lies(size_t member, Lie lie) { lies_[member] = std::move(lie); }

void Committee::falls_silent(size_t member) {
  lies(member, [](Section) { return std::optional<Section>(); });
}

Section Committee::section_of(size_t member) {
  Section out;
  out.connection = state_.id;
  out.epoch = state_.epoch;
  out.status = status_[member];
  out.ending = ending_[member];
  if (options_.mode == Mode::Ordered) {
    const OrderedLog& log = ordered_[member];
    if (!log.in_chain()) out.status = MemberStatus::OutMismatch;
    const bool is_out = out.status == MemberStatus::OutMismatch || out.status == MemberStatus::OutLost;
    if (is_out) out.ending.reset();
    if (!is_out) out.heads = log.heads(state_.ordered.position, options_.params.head_window);
  } else {
    if (opened_bytes_[member]) out.opened = opened_digest(*opened_bytes_[member]);
    if (options_.mode == Mode::Observations) {
      out.values = values_[member].list(values_turn(state_.observations), options_.section_bytes,
                                        options_.params.section_values_max, local_now());
      return out;
    }
    out.items = feed_[member].list(options_.section_bytes, options_.params.section_items_max, local_now());
    out.complete = !feed_[member].overfull();
    evidence_[member].reported(height_, local_now());
  }
  return out;
}

void Committee::make_reports() {
  for (size_t member = 0; member < size(); ++member) {
    fresh_[member].reset();
    std::optional<Section> section = section_of(member);
    if (lies_[member]) section = lies_[member](std::move(*section));
    if (!section) continue;
    const Bytes bytes = encode_report(Report{"test", height_, Digest{}, {*section}});
    report_bytes_[member] = bytes.size();
    const auto report = decode_report(bytes, options_.params);
    ASSERT_TRUE(report);
    // A malformed section says nothing.
    if (!report->sections.empty()) fresh_[member] = Carried{height_, report->sections[0]};
  }
}

View Committee::view() const {
  View out(size());
  for (size_t member = 0; member < size(); ++member) {
    if (in_force_[member]) out[member] = InForce{&in_force_[member]->section, in_force_[member]->height};
  }
  return out;
}

void Committee::block(const Block& block) {
  height_ = height_.next();
  now_ += std::min(block.after, Milliseconds(1'000));
  std::vector<size_t> carries = block.carries;
  if (carries.empty()) {
    carries.resize(size());
    std::iota(carries.begin(), carries.end(), size_t{0});
  }
  for (const size_t member : carries) {
    if (!fresh_[member]) continue;
    in_force_[member] = std::move(fresh_[member]);
    carried_at_[member] = height_.value;
  }
  for (size_t member = 0; member < size(); ++member) {
    if (carried_at_[member] + options_.params.blocks_in_force <= height_.value) in_force_[member].reset();
  }
  make_reports();
  if (state_.phase == Phase::Ended) return;

  const Context context{height_, now_, options_.inbox_bytes, inbox_has_room_};
  const Local local{options_.mode == Mode::Ordered ? &ordered_[block.proposer] : nullptr,
                    options_.mode == Mode::Feed ? &feed_[block.proposer] : nullptr,
                    opened_bytes_[block.proposer] ? &*opened_bytes_[block.proposer] : nullptr};
  decision_ = propose(state_, view(), local, context, options_.content_bytes, options_.params);
  if (block.tamper) block.tamper(decision_);
  auto outcome = evaluate(state_, view(), decision_, context, options_.params);
  fault_.reset();
  if (!outcome) {
    EXPECT_TRUE(block.tamper) << "an honest proposal was refused: " << static_cast<int>(outcome.error());
    fault_ = outcome.error();
    decision_ = {};
    outcome = evaluate(state_, view(), decision_, context, options_.params);
  }
  ASSERT_TRUE(outcome);
  const auto copy = archive_decode<ConnectionState>(archive_encode(state_));
  ASSERT_TRUE(copy);
  const auto again = evaluate(*copy, view(), decision_, context, options_.params);
  ASSERT_TRUE(again);
  ASSERT_EQ(fingerprint(*outcome), fingerprint(*again));
  apply(*outcome);
}

void Committee::apply(const Outcome& outcome) {
  state_ = outcome.next;
  if (outcome.opened) {
    EXPECT_FALSE(opened_) << "opened twice";
    opened_ = outcome.opened;
  }
  for (const FeedEmission& emission : outcome.emissions) {
    if (emission.gap.missing > 0) lines_.push_back(Line{{}, emission.observation.key, emission.gap.missing});
    lines_.push_back(Line{emission.observation.content, emission.observation.key, 0});
  }
  readings_.insert(readings_.end(), outcome.readings.begin(), outcome.readings.end());
  if (!outcome.readings.empty()) last_readings_ = outcome.readings;
  if (outcome.end) end_ = outcome.end;
  settle_logs(outcome);
}

void Committee::settle_logs(const Outcome& outcome) {
  const auto decidable = [&](const FeedItem& item) { return state_.feed.decidable_since.contains(item); };
  for (size_t member = 0; member < size(); ++member) {
    if (options_.mode == Mode::Ordered) {
      ordered_[member].advance(state_.ordered.position, state_.ordered.head);
      continue;
    }
    for (const SettledContent& settled : outcome.settled) {
      feed_[member].settle(settled.content, settled.count, local_now(), options_.params.absorb);
    }
    feed_[member].drop_stale(local_now(), options_.params.drop_after, !inbox_has_room_, decidable);
    if (!inbox_has_room_) continue;
    evidence_[member].observe(view(), member, state_.quorum(), local_now(), options_.params);
    make_room(feed_[member], evidence_[member], view(), member, state_.quorum(), state_.feed, local_now(),
              options_.params);
  }
}

void Committee::blocks(size_t count, Milliseconds after) {
  for (size_t i = 0; i < count; ++i) {
    Block next;
    next.proposer = height_.value % size();
    next.after = after;
    block(next);
  }
}

void Committee::open_all() {
  for (size_t member = 0; member < size(); ++member) opens(member);
  blocks(2, Milliseconds(0));
  ASSERT_EQ(state_.phase, Phase::Open);
}

std::vector<Bytes> Committee::texts() const {
  std::vector<Bytes> out;
  for (const Line& line : lines_) {
    if (line.gap == 0) out.push_back(line.text);
  }
  return out;
}

uint64_t Committee::gaps() const {
  uint64_t out = 0;
  for (const Line& line : lines_) out += line.gap;
  return out;
}

}  // namespace icws::test_agreement
