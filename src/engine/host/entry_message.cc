#include "engine/host/entry_message.h"

#include "icws/replica/v1/replica.pb.h"
#include "transcript/cause.h"

namespace icws::engine {
namespace {

void fill(const transcript::Opened& opened, replica::v1::TranscriptEntry& out) {
  auto& message = *out.mutable_opened();
  message.set_subprotocol(opened.subprotocol);
  for (const auto& header : opened.headers) {
    auto& added = *message.add_headers();
    added.set_name(header.name);
    added.set_value(header.value);
  }
  if (!opened.owner.public_key.empty()) {
    message.mutable_owner()->set_member(opened.owner.member);
    message.mutable_owner()->set_public_key(opened.owner.public_key);
  }
}

void fill(const transcript::Message& content, replica::v1::TranscriptEntry& out) {
  auto& message = *out.mutable_message();
  message.set_binary(content.kind == transcript::ContentKind::Binary);
  message.set_content(content.content);
  message.set_key(content.key);
  message.set_part(content.part);
  message.set_parts(content.parts);
}

void fill(const transcript::Gap& gap, replica::v1::TranscriptEntry& out) {
  out.mutable_gap()->set_key_hash(gap.key_hash);
  out.mutable_gap()->set_count(gap.count);
  out.mutable_gap()->set_dropped(gap.dropped);
}

void fill(const transcript::Sent& sent, replica::v1::TranscriptEntry& out) {
  out.mutable_sent()->set_first(sent.first.value);
  out.mutable_sent()->set_last(sent.last.value);
  for (const ReplicaIndex writer : sent.writers) out.mutable_sent()->add_writers(writer.value);
}

void fill(const transcript::Reading& reading, replica::v1::TranscriptEntry& out) {
  auto& message = *out.mutable_reading();
  message.set_key(reading.key);
  message.set_responses(reading.responses);
  message.set_members(reading.members);
  message.set_skipped(reading.skipped);
  message.set_median(reading.median);
  for (const auto& value : reading.values) {
    auto& added = *message.add_values();
    added.set_member(value.member);
    added.set_value(value.value);
    added.set_age_ms(static_cast<uint64_t>(value.age.count()));
  }
}

void fill(const transcript::TransformFailure& failure, replica::v1::TranscriptEntry& out) {
  out.mutable_transform_failure()->set_fault(static_cast<uint32_t>(failure.fault));
}

void fill(const transcript::Handover& handover, replica::v1::TranscriptEntry& out) {
  auto& message = *out.mutable_handover();
  message.set_from(handover.from);
  message.set_to(handover.to);
  message.set_cause(std::string(transcript::cause_name(handover.cause)));
}

void fill(const transcript::Closed& closed, replica::v1::TranscriptEntry& out) {
  auto& message = *out.mutable_closed();
  message.set_code(closed.code);
  message.set_reason(closed.reason);
  message.set_cause(std::string(transcript::cause_name(closed.cause)));
  message.set_message(std::string(transcript::cause_text(closed.cause)));
  message.set_was_open(closed.was_open);
  message.set_reconnecting(closed.reconnecting);
  for (const auto& claim : closed.evidence) {
    auto& added = *message.add_evidence();
    added.set_member(claim.member);
    if (claim.head) added.set_head(std::string(claim.head->view()));
    added.set_report(claim.report);
    added.set_signature(claim.signature);
    added.set_height(claim.height);
  }
}

void fill(const replica::Usage& usage, replica::v1::Usage& out) {
  out.set_cycles(usage.cycles);
  out.set_opens(usage.opens);
  out.set_open_time_ms(static_cast<uint64_t>(usage.open_time.count()));
  out.set_messages(usage.messages);
  out.set_bytes(usage.bytes);
  out.set_sends(usage.sends);
  out.set_send_bytes(usage.send_bytes);
}

}  // namespace

void to_message(const transcript::Entry& entry, replica::v1::TranscriptEntry& out) {
  out.set_sequence(entry.sequence.value);
  out.set_epoch(entry.epoch.value);
  out.set_height(entry.height.value);
  out.set_time_ms(static_cast<uint64_t>(entry.time.time_since_epoch().count()));
  std::visit([&](const auto& what) { fill(what, out); }, entry.what);
}

void to_message(const replica::CanisterView& view, replica::v1::Canister& out) {
  out.set_id(view.id);
  out.set_code(view.record.code);
  const bool running = view.record.phase == replica::CanisterPhase::Running;
  const bool stopped = view.record.phase == replica::CanisterPhase::Stopped;
  out.set_state(running ? "running" : stopped ? "stopped" : "stopping");
  out.set_balance(view.record.account.balance);
  fill(view.record.account.usage, *out.mutable_usage());
}

void to_message(const replica::ConnectionView& view, replica::v1::Connection& out) {
  out.set_connection_id(view.id.value);
  out.set_canister(view.canister);
  out.set_url(view.url);
  // The numbers are the same.
  out.set_mode(static_cast<replica::v1::Mode>(view.mode));
  out.set_state(view.state);
  out.set_epoch(view.epoch.value);
  out.set_position(view.position.value);
  out.set_entries(view.entries.value);
  out.set_messages(view.messages);
  out.set_gaps(view.gaps);
  out.set_agreed_bytes(view.agreed_bytes);
  out.set_head(std::string(view.head.view()));
  if (view.cause) out.set_cause(std::string(transcript::cause_name(*view.cause)));
  out.set_socket(view.socket);
  out.set_unsettled(view.unsettled);
  out.set_outbox_bytes(view.outbox_bytes);
  out.set_replicas_live(view.members_live);
  out.set_replicas_out(view.members_down);
  out.set_replicas_needed(view.members_needed);
  fill(view.usage, *out.mutable_usage());
}

}  // namespace icws::engine
