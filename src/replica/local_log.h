// What one replica keeps of the observations of one epoch: the part of LocalConnection that differs between
// modes.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agreement/connection.h"
#include "agreement/feed_log.h"
#include "agreement/ordered_log.h"
#include "agreement/section.h"
#include "replica/adapter_port.h"
#include "replica/event_tracker.h"
#include "replica/state.h"

namespace icws::replica {

struct LocalRecord;

// The events of this replica's current socket: which of them may be acknowledged.
struct SocketEvents {
  Attempt attempt{1};
  EventTracker tracker;
  agreement::EventRef ref(EventSequence event) const { return {attempt, event}; }
  // The event needs no agreement any more. Those of an earlier socket are nobody's business now.
  void done(const agreement::EventRef& event) {
    if (event.attempt == attempt) tracker.done(event.event);
  }
};

// What this replica agreed with the others in one block, for its own counters.
struct LocalProgress {
  std::vector<LocalTime> received;
  uint64_t absorbed = 0;
  uint64_t dropped = 0;
};

// What the report's section needs beside the state.
struct SectionRequest {
  Height height;
  // For heads, items and values.
  size_t bytes_max = 0;
  // The adapter says at once what comes.
  bool stream_up = false;
  LocalTime now;
  // An unsettled event holds up the acknowledgement of later ones.
  bool held_up = false;
};

// After a block at the chain's head.
struct Outlook {
  const agreement::View& view;
  size_t self = 0;
  bool inbox_has_room = true;
  LocalTime now;
};

// What a batch of mode delegated needs.
struct BatchRequest {
  AgreedTime now;
  // Of the batch, and of what the inbox still takes.
  uint64_t bytes_max = 0;
  uint64_t inbox_bytes = 0;
  // Written to the socket.
  SendSequence sent_up_to;
  // Of a socket that has ended, all events that count are here.
  bool complete = true;
};

// What: see above. Thread-safety: none. Ownership: held by one LocalConnection. Errors: none.
class LocalLog {
 public:
  virtual ~LocalLog() = default;

  // --- events, in order; each marks as done what needs no agreement ---
  virtual void on_opened(const Bytes& encoded, EventSequence event, LocalTime now, SocketEvents& socket) = 0;
  virtual void on_message(agreement::Observation observation, EventSequence event, LocalTime now,
                          SocketEvents& socket) = 0;
  // `counts`: the socket was live until then.
  virtual void on_closed(const SocketClosed& closed, bool counts, EventSequence event, LocalTime now,
                         SocketEvents& socket) = 0;
  // The adapter's stream begins anew: of a socket that it holds, it repeats what is not acknowledged.
  virtual void on_stream(const agreement::AgreementParams&, bool /*held*/, LocalTime) {}
  virtual void on_ended(const std::optional<agreement::Ending>& /*ending*/) {}
  // This replica has forgotten its socket, and takes it over as the adapter describes it.
  virtual void adopt(const Connection&, const SocketStatus&) {}

  // Messages count only from an epoch's first socket.
  virtual bool one_socket_only() const { return false; }
  // What this log holds contradicts what is agreed.
  virtual bool contradicts() const { return false; }
  // Events of a socket before this one are not settled. The next socket waits for them: else a server that
  // cuts its sockets would fill the log with what each has brought.
  virtual bool holds_before(Attempt) const { return false; }
  // Events seen here and not settled.
  virtual size_t size() const = 0;

  // Brings the log up to the state that a block has made.
  virtual LocalProgress advance(const Connection& record,
                                const std::vector<agreement::SettledContent>& settled, LocalTime now,
                                const agreement::AgreementParams& params, bool inbox_has_room,
                                SocketEvents& socket) = 0;
  // Gives up what cannot be agreed on any more; how many events.
  virtual uint64_t observe(const Connection&, const Outlook&, const agreement::AgreementParams&,
                           SocketEvents&) {
    return 0;
  }
  // Adds what the mode reports. `out.status` is set.
  virtual void fill(const Connection& record, const agreement::AgreementParams& params,
                    const SectionRequest& request, agreement::Section& out) = 0;
  virtual void show(agreement::Local& local) const = 0;
  // Delegated: the owner's next batch, in archive encoding; empty where there is nothing to say yet.
  virtual std::optional<Bytes> batch(const Connection&, const BatchRequest&) const { return std::nullopt; }
  virtual void annotate(AcknowledgeCommand&) const {}
  virtual void save(LocalRecord& record, LocalTime now) const = 0;
};

// Of a new epoch; or, with `saved`, after a restart.
std::unique_ptr<LocalLog> make_local_log(const Connection& record);
std::unique_ptr<LocalLog> make_local_log(const Connection& record, const LocalRecord& saved, LocalTime now,
                                         Milliseconds absorb);
// Of mode delegated; `saved` may be null.
std::unique_ptr<LocalLog> make_delegated_log(const LocalRecord* saved);

}  // namespace icws::replica
