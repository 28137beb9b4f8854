#include <algorithm>
#include <deque>

#include "agreement/ordered_rules.h"
#include "replica/local_connection.h"
#include "replica/local_log.h"

namespace icws::replica {
namespace {

using agreement::Batch;
using agreement::BatchEnd;
using agreement::DelegatedState;
using agreement::Observation;

// What the owner has seen and no batch that is agreed holds. A batch is made anew after every block, from the
// state alone and what is here: a crash needs no memory of the last one, for the state says up to where the
// owner's events are agreed.
class DelegatedLocalLog final : public LocalLog {
 public:
  explicit DelegatedLocalLog(std::optional<BatchEnd> end) : end_(std::move(end)) {}

  void on_opened(const Bytes& encoded, EventSequence event, LocalTime now, SocketEvents&) override {
    events_.push_back({event, now, encoded, {}});
  }
  void on_message(Observation observation, EventSequence event, LocalTime now, SocketEvents&) override {
    const auto kind = observation.kind == agreement::ObservationKind::Text ? transcript::ContentKind::Text
                                                                           : transcript::ContentKind::Binary;
    events_.push_back(
        {event, now, std::nullopt,
         transcript::Message{kind, std::move(observation.content), std::move(observation.key)}});
  }
  void on_closed(const SocketClosed&, bool, EventSequence, LocalTime, SocketEvents&) override {}
  void on_ended(const std::optional<agreement::Ending>& ending) override {
    if (end_) return;
    end_ = ending ? BatchEnd{ending->cause, ending->code, ending->reason}
                  : BatchEnd{transcript::Cause::Adapter, 1006, {}};
  }
  // The term is bound to one socket: another begins with the next owner.
  bool one_socket_only() const override { return true; }
  size_t size() const override { return events_.size(); }
  LocalProgress advance(const Connection& record, const std::vector<agreement::SettledContent>&, LocalTime,
                        const agreement::AgreementParams&, bool, SocketEvents& socket) override {
    LocalProgress progress;
    const EventSequence agreed = record.agreement.delegated.last_event;
    for (; !events_.empty() && events_.front().event <= agreed; events_.pop_front()) {
      progress.received.push_back(events_.front().received);
    }
    socket.tracker.done_up_to(agreed);
    return progress;
  }
  void fill(const Connection&, const agreement::AgreementParams&, const SectionRequest&,
            agreement::Section&) override {}
  void show(agreement::Local&) const override {}
  void save(LocalRecord&, LocalTime) const override {}
  std::optional<Bytes> batch(const Connection& record, const BatchRequest& request) const override;

 private:
  struct Event {
    EventSequence event;
    LocalTime received;
    std::optional<Bytes> opened;
    transcript::Message message;
  };
  // As many events as fit; true: all of them.
  bool take_events(Batch& batch, const BatchRequest& request) const;

  std::deque<Event> events_;
  std::optional<BatchEnd> end_;
};

bool DelegatedLocalLog::take_events(Batch& batch, const BatchRequest& request) const {
  uint64_t bytes = agreement::kBatchOverheadBytes, inbox = 0;
  for (const Event& event : events_) {
    const uint64_t content =
        event.opened ? event.opened->size() : event.message.content.size() + event.message.key.size();
    bytes += content + agreement::kBatchMessageOverheadBytes;
    if (!event.opened) inbox += content + agreement::kEntryOverheadBytes;
    if (bytes > request.bytes_max || inbox > request.inbox_bytes) return false;
    if (event.opened) {
      batch.opened = event.opened;
    } else {
      batch.messages.push_back(event.message);
    }
    batch.last_event = event.event;
  }
  return true;
}

std::optional<Bytes> DelegatedLocalLog::batch(const Connection& record, const BatchRequest& request) const {
  const DelegatedState& state = record.agreement.delegated;
  Batch out;
  out.connection = record.id;
  out.term = record.agreement.epoch;
  out.sequence = state.next_batch;
  out.previous = state.head;
  out.last_event = state.last_event;
  out.sent_up_to = std::clamp(request.sent_up_to, state.sent_up_to, record.last_send);
  const bool all = take_events(out, request);
  if (all && request.complete) out.end = end_;
  const bool news =
      out.last_event > state.last_event || out.sent_up_to > state.sent_up_to || out.end.has_value();
  // Idle: often enough that a few may get lost.
  if (!news && request.now - state.last_heard < state.settings.timeout / 4) return std::nullopt;
  return archive_encode(out);
}

}  // namespace

std::unique_ptr<LocalLog> make_delegated_log(const LocalRecord* saved) {
  std::optional<BatchEnd> end;
  if (saved != nullptr && !saved->wants_socket()) {
    end = saved->ending_known ? BatchEnd{saved->ending_cause, saved->ending_code, saved->ending_reason}
                              : BatchEnd{transcript::Cause::Adapter, 1006, {}};
  }
  return std::make_unique<DelegatedLocalLog>(std::move(end));
}

}  // namespace icws::replica
