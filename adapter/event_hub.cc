#include "adapter/event_hub.h"

#include <algorithm>
#include <utility>

#include "adapter/event_wire.h"

namespace icws::adapter {
namespace {

// A range below this is copied beside its neighbours: a slice of its own costs more.
constexpr size_t kCopyBelow = 4 * 1024;

void flush_small(Batch& batch, Bytes& small) {
  if (small.empty()) return;
  auto owned = std::make_shared<const Bytes>(std::exchange(small, {}));
  batch.pieces.push_back({owned, owned->data(), owned->size()});
}

}  // namespace

void EventHub::add(const replica::SocketKey& key, OnRoom on_room) {
  const std::lock_guard lock(mutex_);
  sockets_[key].on_room = std::move(on_room);
}

void EventHub::remove(const replica::SocketKey& key) {
  std::vector<OnRoom> resumed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sockets_.find(key);
    if (found == sockets_.end()) return;
    const size_t total_before = bytes_total_;
    bytes_total_ -= found->second.log.bytes();
    waiting_.erase(key);
    sockets_.erase(found);
    resumed = resume_for_total(total_before);
  }
  for (const auto& on_room : resumed) on_room();
}

Room EventHub::room(const Socket& socket) const {
  const uint64_t events = socket.log.events();
  const size_t bytes = socket.log.bytes();
  const size_t own = bytes < limits_.bytes_max ? limits_.bytes_max - bytes : 0;
  const size_t common = bytes_total_ < limits_.bytes_total_max ? limits_.bytes_total_max - bytes_total_ : 0;
  const size_t share = bytes < limits_.bytes_share ? limits_.bytes_share - bytes : 0;
  return {events < limits_.events_max ? limits_.events_max - events : 0,
          std::min(own, std::max(common, share))};
}

bool EventHub::may_resume(const Socket& socket) const {
  return socket.log.events() <= limits_.events_max / 2 && socket.log.bytes() <= limits_.bytes_max / 2 &&
         !room(socket).empty();
}

void EventHub::count_full(const Socket& socket) {
  if (socket.log.events() >= limits_.events_max) {
    ++counted_.events_max_passed;
  } else if (socket.log.bytes() >= limits_.bytes_max) {
    ++counted_.bytes_max_passed;
  } else {
    ++counted_.bytes_total_max_passed;
  }
}

std::shared_ptr<EventSink> EventHub::enqueue(const replica::SocketKey& key, Socket& socket) {
  if (!sink_ || socket.queued) return nullptr;
  socket.queued = true;
  ready_.push_back(key);
  return std::exchange(sink_idle_, false) ? sink_ : nullptr;
}

Room EventHub::publish(const replica::SocketKey& key, std::vector<EventSegment> segments) {
  std::shared_ptr<EventSink> wake;
  Room left;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sockets_.find(key);
    if (found == sockets_.end()) return {limits_.events_max, limits_.bytes_max};
    auto& socket = found->second;
    if (!segments.empty()) {
      const size_t before = socket.log.bytes();
      socket.log.append(std::move(segments));
      bytes_total_ += socket.log.bytes() - before;
      if (socket.timed == 0) {
        socket.timed = socket.log.end() - 1;
        socket.timed_since = now_();
      }
      wake = enqueue(key, socket);
    }
    left = room(socket);
  }
  if (wake) wake->wake();
  return left;
}

Room EventHub::wait_for_room(const replica::SocketKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = sockets_.find(key);
  if (found == sockets_.end()) return {limits_.events_max, limits_.bytes_max};
  auto& socket = found->second;
  if (may_resume(socket)) return room(socket);
  if (waiting_.insert(key).second) count_full(socket);
  return {};
}

void EventHub::set_sent_up_to(const replica::SocketKey& key, uint64_t sequence) {
  std::shared_ptr<EventSink> wake;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sockets_.find(key);
    if (found == sockets_.end()) return;
    found->second.sent_up_to = sequence;
    found->second.progress_unsent = true;
    wake = enqueue(key, found->second);
  }
  if (wake) wake->wake();
}

void EventHub::set_accepted_up_to(const replica::SocketKey& key, uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  const auto found = sockets_.find(key);
  if (found != sockets_.end()) found->second.accepted_up_to = sequence;
}

HubSocketReport EventHub::report(const replica::SocketKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = sockets_.find(key);
  if (found == sockets_.end()) return {};
  return {found->second.log.events(), found->second.log.bytes()};
}

HubTotals EventHub::totals() const {
  const std::lock_guard lock(mutex_);
  HubTotals out = counted_;
  for (const auto& [key, socket] : sockets_) out.events += socket.log.events();
  out.bytes = bytes_total_;
  out.subscribers = sink_ ? 1 : 0;
  return out;
}

void EventHub::set_limits(const HubLimits& limits) {
  std::vector<OnRoom> resumed;
  {
    const std::lock_guard lock(mutex_);
    limits_ = limits;
    resumed = resume_all();
  }
  for (const auto& on_room : resumed) on_room();
}

EventHub::Attached EventHub::attach(std::shared_ptr<EventSink> sink) {
  std::shared_ptr<EventSink> before;
  Attached attached;
  {
    const std::lock_guard lock(mutex_);
    before = stopped_ ? std::move(sink) : std::exchange(sink_, std::move(sink));
    attached.generation = ++generation_;
    ready_.clear();
    sink_idle_ = false;
    attached.sockets.reserve(sockets_.size());
    for (auto& [key, socket] : sockets_) {
      socket.cursor = socket.log.first();
      socket.progress_unsent = socket.sent_up_to > 0;
      socket.queued = socket.log.events() > 0 || socket.progress_unsent;
      if (socket.queued) ready_.push_back(key);
      attached.sockets.push_back({key, EventSequence(socket.log.first() - 1), Position(socket.position),
                                  socket.head, socket.accepted_up_to});
    }
  }
  if (before) before->end();
  return attached;
}

void EventHub::detach(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (generation == generation_) sink_.reset();
}

// One entry of EventsResponse.sockets: head, the events where they lie, tail. What of the socket is left
// gets another turn behind the others. False, and nothing is added: its next event needs a batch that it
// begins.
bool EventHub::add_turn(Batch& batch, Bytes& small, const replica::SocketKey& key, Socket& socket) {
  std::vector<EventRange> ranges;
  size_t bytes = 0;
  const size_t bytes_left = limits_.batch_bytes_max - std::min(limits_.batch_bytes_max, batch.bytes);
  const size_t bytes_max = std::min(limits_.turn_bytes_max, bytes_left);
  while (batch.events < limits_.batch_events_max && (bytes < bytes_max || batch.events == 0)) {
    auto range = socket.log.read(socket.cursor, limits_.batch_events_max - batch.events, bytes_max - bytes);
    const bool fits = bytes + range.size <= bytes_max || batch.events == 0;
    if (range.events == 0 || !fits) break;
    bytes += range.size;
    batch.events += range.events;
    socket.cursor += range.events;
    ranges.push_back(std::move(range));
  }
  if (ranges.empty() && batch.events > 0 && socket.cursor < socket.log.end()) return false;
  socket.queued = socket.cursor < socket.log.end();
  if (socket.queued) ready_.push_back(key);
  const uint64_t sent = std::exchange(socket.progress_unsent, false) ? socket.sent_up_to : 0;
  if (bytes == 0 && sent == 0) return true;

  const size_t small_before = small.size();
  append_socket_events_head(small, key, bytes, sent);
  batch.bytes += small.size() - small_before + bytes;
  for (auto& range : ranges) {
    if (range.size < kCopyBelow) {
      small.append(range.data, range.size);
    } else {
      flush_small(batch, small);
      batch.pieces.push_back({std::move(range.chunk), range.data, range.size});
    }
  }
  const size_t tail_before = small.size();
  append_socket_events_tail(small, sent);
  batch.bytes += small.size() - tail_before;
  return true;
}

std::optional<Batch> EventHub::next_batch(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (generation != generation_ || !sink_) return std::nullopt;
  Batch batch;
  Bytes small;
  // Each socket has one turn at most: those that come back are behind these.
  for (size_t turns = ready_.size(); turns > 0; --turns) {
    if (batch.events >= limits_.batch_events_max || batch.bytes >= limits_.batch_bytes_max) break;
    const auto key = ready_.front();
    ready_.pop_front();
    const auto found = sockets_.find(key);
    if (found == sockets_.end() || add_turn(batch, small, key, found->second)) continue;
    ready_.push_front(key);
    break;
  }
  flush_small(batch, small);
  if (batch.pieces.empty()) {
    sink_idle_ = true;
    return std::nullopt;
  }
  return batch;
}

std::optional<EventHub::OnRoom> EventHub::resume(const replica::SocketKey& key) {
  const auto& socket = sockets_.at(key);
  if (!may_resume(socket) || waiting_.erase(key) == 0) return std::nullopt;
  return socket.on_room;
}

// Those that waited for the others: while the total is not passed, each waits for its own acknowledgements
// alone, and is not looked at here.
std::vector<EventHub::OnRoom> EventHub::resume_for_total(size_t total_before) {
  if (total_before < limits_.bytes_total_max || bytes_total_ >= limits_.bytes_total_max) return {};
  return resume_all();
}

std::vector<EventHub::OnRoom> EventHub::resume_all() {
  std::vector<OnRoom> resumed;
  const auto waiting = waiting_;
  for (const auto& key : waiting) {
    if (auto on_room = resume(key)) resumed.push_back(std::move(*on_room));
  }
  return resumed;
}

void EventHub::acknowledge(const replica::AcknowledgeCommand& acknowledgement) {
  std::vector<OnRoom> resumed;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sockets_.find(acknowledgement.key);
    if (found == sockets_.end()) return;
    auto& socket = found->second;
    // Not yet delivered on this stream, or freed already.
    const uint64_t event = acknowledgement.event.value;
    if (event < socket.log.first() || event >= socket.log.end()) return;
    const size_t total_before = bytes_total_;
    bytes_total_ -= socket.log.acknowledge(event);
    socket.cursor = std::max(socket.cursor, socket.log.first());
    if (socket.timed != 0 && event >= socket.timed) {
      counted_.acknowledge.observe(now_() - socket.timed_since);
      socket.timed = 0;
    }
    socket.position = acknowledgement.position.value;
    socket.head = acknowledgement.head;
    resumed = resume_for_total(total_before);
    if (auto on_room = resume(acknowledgement.key)) resumed.push_back(std::move(*on_room));
  }
  for (const auto& on_room : resumed) on_room();
}

void EventHub::stop() {
  std::shared_ptr<EventSink> sink;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    sink = std::exchange(sink_, nullptr);
  }
  if (sink) sink->end();
}

}  // namespace icws::adapter
