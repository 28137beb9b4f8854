// Events of one socket, in protobuf's wire format, from the first unacknowledged one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "replica/adapter_port.h"
#include "ws/message_buffer.h"

namespace icws::adapter {

// A run of bytes that never move. Written front to back by one thread; what was published may be read by
// others.
class EventChunk {
 public:
  explicit EventChunk(size_t capacity) : data_(new char[capacity]), capacity_(capacity) {}
  // Takes memory over that is full.
  EventChunk(std::unique_ptr<char[]> data, size_t size)
      : data_(std::move(data)), capacity_(size), used_(size) {}

  char* end() { return data_.get() + used_; }
  const char* data() const { return data_.get(); }
  size_t used() const { return used_; }
  size_t room() const { return capacity_ - used_; }
  void advance(size_t bytes) { used_ += bytes; }

 private:
  std::unique_ptr<char[]> data_;
  size_t capacity_;
  size_t used_ = 0;
};

// Consecutive events that lie in one chunk.
struct EventSegment {
  std::shared_ptr<EventChunk> chunk;
  uint32_t begin = 0;
  uint64_t first_sequence = 0;
  // Where each event ends in the chunk.
  std::vector<uint32_t> ends;

  uint64_t end_sequence() const { return first_sequence + ends.size(); }
};

// What: writes events behind one another into chunks, and collects them until the owner publishes them.
// Chunks grow from kChunkBytesMin to kChunkBytesMax as they are filled; an event larger than that has a chunk
// of its own. Between take() and the next event only the log keeps the chunk: with the last of its events
// acknowledged it is freed, and a quiet socket costs nothing.
// Thread-safety: none; the socket's thread. Errors: none (std::bad_alloc).
class EventWriter {
 public:
  static constexpr size_t kChunkBytesMin = 256;
  static constexpr size_t kChunkBytesMax = 64 * 1024;
  // From here on a copy costs more than a chunk.
  static constexpr size_t kTakenBytesMin = 16 * 1024;

  // The sequence that the next event gets; the first is 1.
  uint64_t next_sequence() const { return next_sequence_; }
  void add_message(replica::MessageKind kind, BytesView content);
  // Takes over, as a chunk of its own, what is large enough and fills its memory well; else copies.
  void add_message(replica::MessageKind kind, ws::MessageBuffer&& content);
  // `event`: a serialised Event, which carries next_sequence().
  void add_event(BytesView event);

  uint64_t staged_events() const { return next_sequence_ - published_; }
  size_t staged_bytes() const { return staged_bytes_; }
  // Hands over what was added since the last call.
  std::vector<EventSegment> take();

 private:
  char* reserve(size_t bytes);
  void begin_chunk(size_t bytes);
  void copied(size_t bytes);
  // In the newest segment, up to `end` of its chunk.
  void added(size_t bytes, size_t end);

  // While something is staged.
  std::shared_ptr<EventChunk> chunk_;
  // Else: where the next event goes if there still is room.
  std::weak_ptr<EventChunk> last_chunk_;
  size_t next_capacity_ = kChunkBytesMin;
  std::vector<EventSegment> staged_;
  size_t staged_bytes_ = 0;
  // Of these, what lies in chunks that are filled here; and of the last take().
  size_t copied_bytes_ = 0;
  size_t last_copied_bytes_ = 0;
  uint64_t next_sequence_ = 1;
  uint64_t published_ = 1;
};

// A range of published bytes; `chunk` keeps them alive.
struct EventRange {
  std::shared_ptr<EventChunk> chunk;
  const char* data = nullptr;
  size_t size = 0;
  uint64_t events = 0;
};

// What: the unacknowledged events. Thread-safety: none; its owner locks.
// Memory: `bytes` counts the events; a partly acknowledged chunk holds up to kChunkBytesMax more.
class EventLog {
 public:
  void append(std::vector<EventSegment> segments);
  // Frees events up to and including `sequence`. Returns the bytes freed. Beyond the end: all.
  size_t acknowledge(uint64_t sequence);

  // The longest range of at most `events_max` events and `bytes_max` bytes that begins at `sequence` and lies
  // in one chunk; at least one event if there is one and events_max > 0.
  EventRange read(uint64_t sequence, uint64_t events_max, size_t bytes_max) const;

  uint64_t first() const { return first_; }
  uint64_t end() const { return end_; }
  uint64_t events() const { return end_ - first_; }
  size_t bytes() const { return bytes_; }

 private:
  // By sequence; empty and without memory while all is acknowledged.
  std::vector<EventSegment> segments_;
  uint64_t first_ = 1;
  uint64_t end_ = 1;
  size_t bytes_ = 0;
};

}  // namespace icws::adapter
