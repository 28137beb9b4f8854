#include "replica/local_connection.h"

#include <algorithm>
#include <utility>

#include "replica/cluster_params.h"

namespace icws::replica {
namespace {

using agreement::Ending;
using agreement::MemberStatus;
using agreement::Observation;
using agreement::ObservationKind;
using transcript::Cause;

constexpr uint16_t kTooBigCode = 1009;
static_assert(static_cast<int>(transform::Fault::NotUtf8) ==
              static_cast<int>(transcript::TransformFault::NotUtf8));
// Before a feed's socket is opened again: longer than the others take to say that theirs have ended as well,
// and well within the grace of a loss (2 s). In agreement time, else a slow block would decide it.
constexpr Milliseconds kReopenAfter{500};

bool is_out(MemberStatus status) {
  return status == MemberStatus::OutLost || status == MemberStatus::OutMismatch;
}

bool is_down(MemberStatus status) { return status != MemberStatus::Opening && status != MemberStatus::Live; }

Bytes encode_opened(const SocketOpened& opened) {
  transcript::Opened out{opened.subprotocol, {}};
  for (const Header& header : opened.headers) out.headers.push_back({header.name, header.value});
  return archive_encode(out);
}

}  // namespace

LocalConnection::LocalConnection(const Connection& record,
                                 std::unique_ptr<transform::MessageTransform> transform)
    : id_(record.id),
      epoch_(record.agreement.epoch),
      // What is written already is not in the outbox any more, for a replica that comes late.
      sends_(record.arguments.script.size(),
             std::max(SendSequence(record.epoch_first_send.value - 1), record.freed_send)) {
  log_ = make_local_log(record);
  transform_ = std::move(transform);
}

LocalConnection::LocalConnection(const Connection& record, LocalRecord saved, LocalTime now,
                                 Milliseconds absorb, std::unique_ptr<transform::MessageTransform> transform)
    : id_(record.id),
      epoch_(saved.epoch),
      status_(saved.status),
      reopening_(saved.reopening),
      takes_messages_(saved.status == MemberStatus::Live ||
                      (saved.status == MemberStatus::Ended && !saved.reopening)),
      last_event_(saved.last_event),
      opened_(std::move(saved.opened)),
      socket_{saved.attempt, EventTracker(saved.done_prefix, saved.done_beyond)},
      sends_(std::move(saved.sends)) {
  log_ = make_local_log(record, saved, now, absorb);
  if (saved.ending_known) {
    ending_ =
        Ending{saved.ending_cause, static_cast<uint16_t>(saved.ending_code), std::move(saved.ending_reason)};
  }
  transform_ = std::move(transform);
}

uint16_t LocalConnection::close_code() const {
  return ending_ && ending_->cause == Cause::MessageTooBig ? kTooBigCode : 1000;
}

bool LocalConnection::drained() const { return is_out(status_) || socket_.tracker.prefix() >= last_event_; }

size_t LocalConnection::unsettled() const { return log_->size(); }

void LocalConnection::on_event(SocketEvent event, uint64_t message_bytes_max, LocalTime now) {
  if (event.key != key() || !socket_.tracker.receive(event.sequence)) return;
  // Agreed before a restart, or nothing counts any more.
  if (is_out(status_) || socket_.tracker.is_done(event.sequence)) return socket_.tracker.done(event.sequence);
  if (auto* opened = std::get_if<SocketOpened>(&event.what)) {
    on_opened(*opened, event.sequence, now);
  } else if (auto* message = std::get_if<SocketMessage>(&event.what)) {
    on_message(*message, event.sequence, message_bytes_max, now);
  } else if (auto* closed = std::get_if<SocketClosed>(&event.what)) {
    on_closed(*closed, event.sequence, now);
  } else {
    const auto& failed = std::get<SocketOpenFailed>(event.what);
    socket_.tracker.done(event.sequence);
    const bool first = status_ == MemberStatus::Opening || status_ == MemberStatus::Failed;
    end(first ? MemberStatus::Failed : MemberStatus::Ended, Ending{failed.cause, 1006, {}}, event.sequence);
  }
}

void LocalConnection::on_opened(SocketOpened& opened, EventSequence event, LocalTime now) {
  opened_ = encode_opened(opened);
  status_ = MemberStatus::Live;
  reopening_ = false;
  takes_messages_ = true;
  ending_.reset();
  log_->on_opened(*opened_, event, now, socket_);
}

void LocalConnection::on_message(SocketMessage& message, EventSequence event, uint64_t message_bytes_max,
                                 LocalTime now) {
  if (!takes_messages_) {
    // What follows an end of our own making stays unsettled: after a restart it must not count either.
    if (status_ != MemberStatus::Ended) socket_.tracker.done(event);
    return;
  }
  const auto kind = static_cast<transform::MessageKind>(message.kind);
  const transform::Outcome outcome = transform_->apply(kind, message.content, delivered_);
  if (outcome == transform::Outcome::Dropped) return socket_.tracker.done(event);
  if (outcome == transform::Outcome::Failed) {
    const transcript::TransformFailure failure{static_cast<transcript::TransformFault>(delivered_.fault)};
    return log_->on_message(Observation{ObservationKind::TransformFailed, archive_encode(failure), {}}, event,
                            now, socket_);
  }
  if (delivered_.content.size() > message_bytes_max || delivered_.key.size() > kKeyBytesMax) {
    return end(MemberStatus::Ended, Ending{Cause::MessageTooBig, kTooBigCode, {}},
               EventSequence(event.value - 1));
  }
  Observation observation{static_cast<ObservationKind>(message.kind), delivered_.content, delivered_.key};
  log_->on_message(std::move(observation), event, now, socket_);
}

void LocalConnection::on_closed(const SocketClosed& closed, EventSequence event, LocalTime now) {
  // An end of our own making (a message over the limit) has its cause already.
  if (status_ == MemberStatus::Ended && !reopening_ && !takes_messages_) return;
  log_->on_closed(closed, takes_messages_, event, now, socket_);
  const Cause cause = closed.clean ? Cause::Server : closed.cause;
  end(MemberStatus::Ended, Ending{cause, closed.code, closed.reason}, event);
}

void LocalConnection::end(MemberStatus status, std::optional<Ending> ending, EventSequence last) {
  status_ = status;
  reopening_ = false;
  takes_messages_ = false;
  last_event_ = last;
  if (ending) ending_ = std::move(ending);
  end_reported_.reset();
  end_known_.reset();
  log_->on_ended(ending_);
  // What was not written on this socket never will be; a later socket begins with the state's own outbox.
  sends_.forget();
}

void LocalConnection::on_lost() {
  if (!wants_socket()) {
    // What it had to repeat will not come any more.
    last_event_ = std::min(last_event_, socket_.tracker.received());
    return;
  }
  const EventSequence last = socket_.tracker.received();
  if (!log_->one_socket_only()) return end(MemberStatus::Ended, Ending{Cause::Adapter, 1006, {}}, last);
  end(MemberStatus::OutLost, std::nullopt, last);
}

void LocalConnection::adopt(const Connection& record, const SocketStatus& socket, uint32_t self) {
  socket_ = SocketEvents{socket.key.attempt, EventTracker(socket.acknowledged, {})};
  sends_.adopt(record, socket.accepted_send, log_->one_socket_only(), self);
  log_->adopt(record, socket);
  // Its Opened event was agreed on and freed: the socket was live, and will say so when it ends.
  if (socket.acknowledged.value == 0 || status_ != MemberStatus::Opening) return;
  status_ = MemberStatus::Live;
  takes_messages_ = true;
}

void LocalConnection::begin_attempt(const Connection& record) {
  socket_ = SocketEvents{socket_.attempt.next(), EventTracker()};
  reopening_ = true;
  // Neither what is written already nor what this replica has written.
  sends_ = SocketSends(record.arguments.script.size(), std::max(sends_.confirmed(), record.freed_send));
}

LocalProgress LocalConnection::advance(const Connection& record,
                                       const std::vector<agreement::SettledContent>& settled, LocalTime now,
                                       const agreement::AgreementParams& params, bool inbox_has_room) {
  LocalProgress progress = log_->advance(record, settled, now, params, inbox_has_room, socket_);
  if (log_->contradicts() && !is_out(status_)) {
    end(MemberStatus::OutMismatch, std::nullopt, socket_.tracker.received());
  }
  return progress;
}

uint64_t LocalConnection::observe(const Connection& record, const Outlook& outlook, AgreedTime agreed_now,
                                  const agreement::AgreementParams& params) {
  live_members_ =
      static_cast<uint32_t>(std::ranges::count_if(outlook.view, [](const agreement::InForce& member) {
        return member.section != nullptr && member.section->status == MemberStatus::Live;
      }));
  const agreement::InForce& own = outlook.view[outlook.self];
  const bool says_end = own.section != nullptr && end_reported_ && own.height >= *end_reported_;
  if (says_end && !end_known_) end_known_ = agreed_now;
  return log_->observe(record, outlook, params, socket_);
}

bool LocalConnection::reopen_due(const Connection& record, AgreedTime now) const {
  if (record.agreement.mode == Mode::Ordered || record.agreement.mode == Mode::Delegated ||
      record.agreement.phase != agreement::Phase::Open)
    return false;
  // Where fewer than f+1 are live the epoch ends: a silent return would hide a gap from the canister.
  return !reopening_ && end_known_ && !log_->holds_before(socket_.attempt) &&
         now - *end_known_ >= kReopenAfter && record.agreement.quorum().has_honest(live_members_);
}

agreement::Section LocalConnection::section(const Connection& record,
                                            const agreement::AgreementParams& params,
                                            const SectionRequest& request) {
  agreement::Section out;
  out.connection = id_;
  out.epoch = epoch_;
  out.status = status_;
  if (status_ == MemberStatus::Failed || status_ == MemberStatus::Ended) {
    out.ending = ending_.value_or(Ending{Cause::Connection, 1006, {}});
  }
  if (is_down(status_) && !end_reported_) end_reported_ = request.height;
  out.sent_up_to = sends_.confirmed();
  // In mode ordered what the server negotiated is the chain's first observation.
  if (opened_ && record.arguments.mode != Mode::Ordered) out.opened = agreement::opened_digest(*opened_);
  SectionRequest own = request;
  own.held_up = socket_.tracker.held_up();
  log_->fill(record, params, own, out);
  return out;
}

agreement::Local LocalConnection::local() const {
  agreement::Local out;
  out.opened = opened_ ? &*opened_ : nullptr;
  log_->show(out);
  return out;
}

std::optional<Bytes> LocalConnection::batch(const Connection& record, AgreedTime now, uint64_t bytes_max,
                                            uint64_t inbox_bytes) const {
  const bool complete = wants_socket() || socket_.tracker.received() >= last_event_;
  return log_->batch(record, BatchRequest{now, bytes_max, inbox_bytes, sends_.confirmed(), complete});
}

void LocalConnection::on_lease_over() {
  if (!wants_socket()) return;
  end(MemberStatus::Ended, Ending{Cause::Timeout, 1006, {}}, socket_.tracker.received());
}

std::vector<SendCommand> LocalConnection::sends_after(const Connection& record, uint64_t accepted) {
  if (status_ != MemberStatus::Live) return {};
  return sends_.after(key(), record.arguments.script, accepted);
}

void LocalConnection::take_sends(const Connection& record, const Outbox& outbox, uint32_t self) {
  if (wants_socket()) sends_.take(record, outbox, self);
}

AcknowledgeCommand LocalConnection::acknowledgement() const {
  AcknowledgeCommand out{key(), socket_.tracker.prefix(), {}, {}};
  log_->annotate(out);
  return out;
}

LocalRecord LocalConnection::save(const Connection& record, LocalTime now) const {
  LocalRecord out;
  out.epoch = epoch_;
  out.attempt = socket_.attempt;
  out.status = status_;
  out.reopening = reopening_;
  out.last_event = last_event_;
  out.ending_known = ending_.has_value();
  if (ending_) {
    out.ending_cause = ending_->cause;
    out.ending_code = ending_->code;
    out.ending_reason = ending_->reason;
  }
  out.opened = opened_;
  out.sends = sends_.save(record.freed_send);
  out.done_prefix = socket_.tracker.prefix();
  out.done_beyond = socket_.tracker.beyond();
  log_->save(out, now);
  return out;
}

}  // namespace icws::replica
