// One replica's own side of one epoch of one connection: its socket, what it saw, and what it still has to
// send.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agreement/connection.h"
#include "agreement/section.h"
#include "replica/adapter_port.h"
#include "replica/local_log.h"
#include "replica/socket_sends.h"
#include "replica/state.h"
#include "transform/message_transform.h"

namespace icws::replica {

// What of it survives the process: written in the same batch as the block, so that what was agreed and what
// was seen can never disagree.
struct LocalRecord {
  Epoch epoch;
  Attempt attempt;
  agreement::MemberStatus status = agreement::MemberStatus::Opening;
  bool reopening = false;
  bool ending_known = false;
  transcript::Cause ending_cause = transcript::Cause::Connection;
  uint32_t ending_code = 1006;
  Bytes ending_reason;
  EventSequence last_event;
  std::optional<Bytes> opened;
  SocketSends::Record sends;
  agreement::OrderedLog::Agreed ordered;
  EventSequence done_prefix;
  std::vector<uint64_t> done_beyond;
  std::vector<agreement::ContentId> credits;
  // A socket may still be there, and nothing says that it has ended.
  bool wants_socket() const {
    return status == agreement::MemberStatus::Opening || status == agreement::MemberStatus::Live || reopening;
  }
  static void fields(auto& archive, auto& self) {
    archive(self.epoch, self.attempt, self.status, self.reopening, self.ending_known, self.ending_cause,
            self.ending_code, self.ending_reason, self.last_event, self.opened, self.sends, self.ordered,
            self.done_prefix, self.done_beyond, self.credits);
  }
};

// What: see above. Thread-safety: none. Ownership: a value, moved only.
// Errors: none; whatever the adapter says wrongly is ignored.
class LocalConnection {
 public:
  // A new epoch, first attempt.
  LocalConnection(const Connection& record, std::unique_ptr<transform::MessageTransform> transform);
  // After a restart; its sends are gathered. Credits run anew from `now`.
  LocalConnection(const Connection& record, LocalRecord saved, LocalTime now, Milliseconds absorb,
                  std::unique_ptr<transform::MessageTransform> transform);

  SocketKey key() const { return SocketKey{id_, epoch_, socket_.attempt}; }
  Epoch epoch() const { return epoch_; }
  agreement::MemberStatus status() const { return status_; }
  // A socket of this attempt may still be there, and nothing says that it has ended.
  bool wants_socket() const {
    return status_ == agreement::MemberStatus::Opening || status_ == agreement::MemberStatus::Live ||
           reopening_;
  }
  bool reopening() const { return reopening_; }
  // Nothing came of this attempt yet: its socket can be opened again as if for the first time.
  bool fresh() const {
    return socket_.tracker.received().value == 0 &&
           (status_ == agreement::MemberStatus::Opening || reopening_);
  }
  // Of a socket that has ended nothing needs agreement any more. Until then the adapter keeps it: a replica
  // that restarts would else lose what came last.
  bool drained() const;
  // For a socket that this replica gives up.
  uint16_t close_code() const;
  // A feed's socket that has ended is to be opened again: everyone knows since `kReopenAfter` of agreement
  // time, and so many members have live sockets that what is missed meanwhile leaves a gap mark.
  bool reopen_due(const Connection& record, AgreedTime now) const;
  size_t unsettled() const;

  // A message that is larger than `message_bytes_max` after the transform ends the socket.
  void on_event(SocketEvent event, uint64_t message_bytes_max, LocalTime now);
  void on_progress(uint64_t sent_up_to) { sends_.confirm(sent_up_to); }
  // The adapter's stream begins anew: it repeats what is not acknowledged.
  // `held`: it has the socket.
  void on_stream(const agreement::AgreementParams& params, bool held, LocalTime now) {
    log_->on_stream(params, held, now);
  }
  // The adapter does not have the socket any more.
  void on_lost();
  // The adapter has a socket of this epoch that this replica, at place `self` of the committee, has
  // forgotten.
  void adopt(const Connection& record, const SocketStatus& socket, uint32_t self);
  // A feed's next socket.
  void begin_attempt(const Connection& record);

  // Brings the logs up to the state that a block has made.
  LocalProgress advance(const Connection& record, const std::vector<agreement::SettledContent>& settled,
                        LocalTime now, const agreement::AgreementParams& params, bool inbox_has_room);

  // After a block at the chain's head: looks at the sections in force, and gives up what cannot be agreed on
  // any more. Returns how many events.
  uint64_t observe(const Connection& record, const Outlook& outlook, AgreedTime agreed_now,
                   const agreement::AgreementParams& params);

  // This replica's section in a report.
  agreement::Section section(const Connection& record, const agreement::AgreementParams& params,
                             const SectionRequest& request);
  agreement::Local local() const;
  // Delegated: see LocalLog::batch.
  std::optional<Bytes> batch(const Connection& record, AgreedTime now, uint64_t bytes_max,
                             uint64_t inbox_bytes) const;
  // Delegated: the lease is over; the socket must be closed.
  void on_lease_over();

  // Messages for the adapter after the first `accepted` ones of this socket; empty unless the socket is open.
  std::vector<SendCommand> sends_after(const Connection& record, uint64_t accepted);
  // Copies what is this replica's to write, for the state frees a message once enough others have. `self`:
  // its place in the committee.
  void take_sends(const Connection& record, const Outbox& outbox, uint32_t self);
  uint64_t unsent_bytes() const { return sends_.bytes(); }
  AcknowledgeCommand acknowledgement() const;
  LocalRecord save(const Connection& record, LocalTime now) const;

 private:
  void on_opened(SocketOpened& opened, EventSequence event, LocalTime now);
  void on_message(SocketMessage& message, EventSequence event, uint64_t message_bytes_max, LocalTime now);
  void on_closed(const SocketClosed& closed, EventSequence event, LocalTime now);
  // `last`: the last event that counts.
  void end(agreement::MemberStatus status, std::optional<agreement::Ending> ending, EventSequence last);

  ConnectionId id_;
  Epoch epoch_;
  agreement::MemberStatus status_ = agreement::MemberStatus::Opening;
  bool reopening_ = false;
  // Messages count: between Opened and the end. After a restart with a socket that has ended, too, for the
  // adapter repeats what came before the end.
  bool takes_messages_ = false;
  std::optional<agreement::Ending> ending_;
  // Once the socket has ended: the last event that counts.
  EventSequence last_event_;
  // Of the end: the first report that says it, and since when one that does is in force.
  std::optional<Height> end_reported_;
  std::optional<AgreedTime> end_known_;
  // Members whose sections in force say that they are live.
  uint32_t live_members_ = 0;
  std::optional<Bytes> opened_;
  std::unique_ptr<LocalLog> log_;
  std::unique_ptr<transform::MessageTransform> transform_;
  transform::Delivered delivered_;
  SocketEvents socket_;
  SocketSends sends_;
};

}  // namespace icws::replica
