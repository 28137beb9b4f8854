// Where the sockets' events meet the replica's stream.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "adapter/event_log.h"
#include "adapter/metrics.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "replica/adapter_port.h"

namespace icws::adapter {

// The subscriber: at most one at a time. Calls come from any thread, never under the hub's lock.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // There is something for next_batch() again.
  virtual void wake() = 0;
  // Another subscriber has taken over, or the adapter stops.
  virtual void end() = 0;
};

// Bytes of one EventsResponse (without hello), as pieces. `owner` keeps `data` alive.
struct Batch {
  struct Piece {
    std::shared_ptr<const void> owner;
    const char* data = nullptr;
    size_t size = 0;
  };
  std::vector<Piece> pieces;
  uint64_t events = 0;
  size_t bytes = 0;
};

struct HubLimits {
  // Per socket.
  uint64_t events_max = 65'536;
  size_t bytes_max = 8 * 1024 * 1024;
  // Of all sockets together; `bytes_share` each socket may hold even so.
  size_t bytes_total_max = 512 * 1024 * 1024;
  size_t bytes_share = 64 * 1024;
  // Of one batch (the proto's own limits), except that one event always fits.
  uint64_t batch_events_max = 4'096;
  size_t batch_bytes_max = 4 * 1024 * 1024 - 64 * 1024;
  // One socket's part of a batch before the next one's turn.
  size_t turn_bytes_max = 512 * 1024;
};

// What a socket may still publish. Both 0: full.
struct Room {
  uint64_t events = 0;
  size_t bytes = 0;
  bool empty() const { return events == 0 || bytes == 0; }
};

struct HubSocketReport {
  uint64_t events = 0;
  size_t bytes = 0;
};

// What: keeps every socket's unacknowledged events, hands them to the one subscriber in batches, by turns,
// and tells a full socket when it may go on. A socket that is full becomes free when half of its events are
// acknowledged (so that it does not stop and go with every event).
// Thread-safety: all methods, one mutex; sockets lock once for each read, the subscriber once for each batch.
// Ownership: holds the sink until it detaches or another one attaches.
// Errors: calls that name an unknown socket do nothing.
class EventHub {
 public:
  using OnRoom = std::function<void()>;

  using Clock = std::chrono::steady_clock;

  // `now`: a fake in tests.
  explicit EventHub(HubLimits limits, Clock::time_point (*now)() = Clock::now) : limits_(limits), now_(now) {}

  // --- The sockets' side.
  // `on_room` is called from any thread, without the lock, after wait_for_room() had said no.
  void add(const replica::SocketKey& key, OnRoom on_room);
  void remove(const replica::SocketKey& key);
  // Publishes and returns what may follow. Never refuses: the caller keeps to its room, terminal events go
  // beyond.
  Room publish(const replica::SocketKey& key, std::vector<EventSegment> segments);
  // The room there is; if it is empty, on_room will be called once.
  Room wait_for_room(const replica::SocketKey& key);
  void set_sent_up_to(const replica::SocketKey& key, uint64_t sequence);
  void set_accepted_up_to(const replica::SocketKey& key, uint64_t sequence);
  HubSocketReport report(const replica::SocketKey& key) const;
  HubTotals totals() const;
  // For what follows; sockets that have room by them go on.
  void set_limits(const HubLimits& limits);

  // --- The subscriber's side.
  struct Attached {
    uint64_t generation = 0;
    // For Hello.
    std::vector<replica::SocketStatus> sockets;
  };
  // Ends the subscriber before. Every socket's events begin anew at its first unacknowledged one.
  Attached attach(std::shared_ptr<EventSink> sink);
  void detach(uint64_t generation);
  // Nothing: wake() will be called when there is something again (never, for an old generation).
  std::optional<Batch> next_batch(uint64_t generation);
  void acknowledge(const replica::AcknowledgeCommand& acknowledgement);
  // Ends the subscriber; later ones are ended at once.
  void stop();

 private:
  struct Socket {
    EventLog log;
    OnRoom on_room;
    // The next event for the subscriber.
    uint64_t cursor = 1;
    uint64_t sent_up_to = 0;
    uint64_t accepted_up_to = 0;
    uint64_t position = 0;
    Digest head;
    bool progress_unsent = false;
    bool queued = false;
    // The event whose acknowledgement is timed; 0: none.
    uint64_t timed = 0;
    Clock::time_point timed_since{};
  };
  using Sockets = std::map<replica::SocketKey, Socket>;

  Room room(const Socket& socket) const;
  bool may_resume(const Socket& socket) const;
  void count_full(const Socket& socket);
  // Returns the sink if it is to be woken.
  std::shared_ptr<EventSink> enqueue(const replica::SocketKey& key, Socket& socket);
  bool add_turn(Batch& batch, Bytes& small, const replica::SocketKey& key, Socket& socket);
  // What tells the socket that it may go on, if it waits and may.
  std::optional<OnRoom> resume(const replica::SocketKey& key);
  std::vector<OnRoom> resume_for_total(size_t total_before);
  std::vector<OnRoom> resume_all();

  HubLimits limits_;
  Clock::time_point (*const now_)();
  mutable std::mutex mutex_;
  Sockets sockets_;
  std::deque<replica::SocketKey> ready_;
  size_t bytes_total_ = 0;
  // Sockets that wait for on_room.
  std::set<replica::SocketKey> waiting_;
  // Less what totals() counts itself.
  HubTotals counted_;
  std::shared_ptr<EventSink> sink_;
  uint64_t generation_ = 0;
  bool sink_idle_ = false;
  bool stopped_ = false;
};

}  // namespace icws::adapter
