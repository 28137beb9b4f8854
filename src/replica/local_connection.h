// One replica's own side of one epoch of one connection: its socket, what it saw, and what it still has to
// send.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "agreement/connection.h"
#include "agreement/feed_evidence.h"
#include "agreement/feed_log.h"
#include "agreement/ordered_log.h"
#include "agreement/section.h"
#include "replica/adapter_port.h"
#include "replica/event_tracker.h"
#include "replica/state.h"
#include "transform/transform.h"

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
  SendSequence first_send;
  SendSequence confirmed;
  agreement::OrderedLog::Agreed ordered;
  EventSequence done_prefix;
  std::vector<uint64_t> done_beyond;
  std::vector<agreement::ContentId> credits;
  std::deque<QueuedSend> retained;
  // A socket may still be there, and nothing says that it has ended.
  bool wants_socket() const {
    return status == agreement::MemberStatus::Opening || status == agreement::MemberStatus::Live || reopening;
  }
  static void fields(auto& archive, auto& self) {
    archive(self.epoch, self.attempt, self.status, self.reopening, self.ending_known, self.ending_cause,
            self.ending_code, self.ending_reason, self.last_event, self.opened, self.first_send,
            self.confirmed, self.ordered, self.done_prefix, self.done_beyond, self.credits, self.retained);
  }
};

// What this replica agreed with the others in one block, for its own counters.
struct LocalProgress {
  std::vector<LocalTime> received;
  uint64_t absorbed = 0;
  uint64_t dropped = 0;
};

// What: see above. Thread-safety: none. Ownership: a value, moved only.
// Errors: none; whatever the adapter says wrongly is ignored.
class LocalConnection {
 public:
  // A new epoch, first attempt.
  explicit LocalConnection(const Connection& record);
  // After a restart. Credits run anew from `now`.
  LocalConnection(const Connection& record, LocalRecord saved, LocalTime now, Milliseconds absorb);

  SocketKey key() const { return SocketKey{id_, epoch_, attempt_}; }
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
    return events_.received().value == 0 && (status_ == agreement::MemberStatus::Opening || reopening_);
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
  uint64_t absorbed() const { return absorbed_; }

  void on_event(const Connection& record, SocketEvent event, LocalTime now);
  void on_progress(const Connection& record, uint64_t sent_up_to);
  // The adapter's stream begins anew: it repeats what is not acknowledged.
  void on_stream(const agreement::AgreementParams& params, LocalTime now) {
    repeats_until_ = now + params.hold_back;
  }
  // The adapter does not have the socket any more.
  void on_lost();
  // The adapter has a socket of this epoch that this replica has forgotten.
  void adopt(const Connection& record, const SocketStatus& socket);
  // A feed's next socket.
  void begin_attempt(const Connection& record);

  // Brings the logs up to the state that a block has made.
  LocalProgress advance(const Connection& record, const std::vector<agreement::SettledContent>& settled,
                        LocalTime now, const agreement::AgreementParams& params, bool inbox_has_room);

  // Feed, after a block at the chain's head: looks at the sections in force, and gives up what the log has no
  // room to report and no hope to agree on, unless the inbox is full. Returns how many events.
  uint64_t observe(const Connection& record, const agreement::View& view, size_t self, AgreedTime agreed_now,
                   bool inbox_has_room, const agreement::AgreementParams& params, LocalTime now);

  // This replica's section in the report of `height`; heads and items within `bytes_max`. `stream_up`: the
  // adapter says at once what comes.
  agreement::Section section(const Connection& record, const agreement::AgreementParams& params,
                             Height height, size_t bytes_max, bool stream_up, LocalTime now);
  agreement::Local local() const;

  // Messages for the adapter after the first `accepted` ones of this socket; empty unless the socket is open.
  std::vector<SendCommand> sends_after(const Connection& record, uint64_t accepted) const;
  // Copies what this replica's adapter has not written: the state frees a message once a quorum has.
  void retain(const Outbox& outbox);
  uint64_t retained_bytes() const;
  AcknowledgeCommand acknowledgement() const;
  LocalRecord save(const Connection& record, LocalTime now) const;

 private:
  void make_transform(const Connection& record);
  void on_opened(SocketOpened& opened, EventSequence event, LocalTime now);
  void on_message(const Connection& record, SocketMessage& message, EventSequence event, LocalTime now);
  void on_closed(const SocketClosed& closed, EventSequence event, LocalTime now);
  // `last`: the last event that counts.
  void end(agreement::MemberStatus status, std::optional<agreement::Ending> ending, EventSequence last);
  void free(const agreement::FeedLog::Freed& freed) {
    if (freed.event.attempt == attempt_) events_.done(freed.event.event);
  }
  void adopt_sends(const Connection& record, uint64_t accepted);
  // The number of a send in this socket's own count.
  uint64_t socket_sequence(const Connection& record, SendSequence send) const {
    return record.arguments.script.size() + (send.value - first_send_.value) + 1;
  }

  ConnectionId id_;
  Epoch epoch_;
  Attempt attempt_{1};
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
  std::optional<agreement::OrderedLog> ordered_;
  std::optional<agreement::FeedLog> feed_;
  agreement::FeedEvidence evidence_;
  // Until then the adapter may still have what this log has not.
  LocalTime repeats_until_{};
  std::optional<transform::Transform> transform_;
  transform::Delivered delivered_;
  EventTracker events_;
  SendSequence first_send_;
  SendSequence confirmed_;
  // Not confirmed by this replica's adapter, in order.
  std::deque<QueuedSend> retained_;
  uint64_t absorbed_ = 0;
};

}  // namespace icws::replica
