#include "adapter/event_log.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "adapter/event_wire.h"

namespace icws::adapter {
namespace {

uint32_t begin_of(const EventSegment& segment, uint64_t sequence) {
  const uint64_t index = sequence - segment.first_sequence;
  return index == 0 ? segment.begin : segment.ends[index - 1];
}

}  // namespace

char* EventWriter::reserve(size_t bytes) {
  if (!chunk_) chunk_ = last_chunk_.lock();
  if (!chunk_ || chunk_->room() < bytes) begin_chunk(bytes);
  if (staged_.empty() || staged_.back().chunk != chunk_) {
    staged_.push_back({chunk_, static_cast<uint32_t>(chunk_->used()), next_sequence_, {}});
  }
  return chunk_->end();
}

// Each chunk that is filled makes the next one larger. One that is gone was acknowledged in time: the next
// one is for as much as came at once.
void EventWriter::begin_chunk(size_t bytes) {
  if (chunk_) {
    next_capacity_ = std::min(next_capacity_ * 4, kChunkBytesMax);
  } else {
    next_capacity_ = std::clamp(std::bit_ceil(last_copied_bytes_), kChunkBytesMin, kChunkBytesMax);
  }
  chunk_ = std::make_shared<EventChunk>(std::max(bytes, next_capacity_));
}

void EventWriter::copied(size_t bytes) {
  chunk_->advance(bytes);
  copied_bytes_ += bytes;
  added(bytes, chunk_->used());
}

void EventWriter::added(size_t bytes, size_t end) {
  staged_.back().ends.push_back(static_cast<uint32_t>(end));
  staged_bytes_ += bytes;
  ++next_sequence_;
}

void EventWriter::add_message(replica::MessageKind kind, BytesView content) {
  const size_t size = message_event_size(next_sequence_, content.size());
  char* const content_at = write_message_event_head(reserve(size), next_sequence_, kind, content.size());
  if (!content.empty()) std::memcpy(content_at, content.data(), content.size());
  copied(size);
}

void EventWriter::add_message(replica::MessageKind kind, ws::MessageBuffer&& content) {
  const size_t content_size = content.size();
  // Memory counts by what is in it: an eighth may be wasted.
  if (content_size < kTakenBytesMin || content.capacity() - content_size > content_size / 8) {
    add_message(kind, content.view());
    return;
  }
  static_assert(kMessageEventHeadBytesMax <= ws::MessageBuffer::kHeadroomBytes);
  const size_t size = message_event_size(next_sequence_, content_size);
  const size_t end = ws::MessageBuffer::kHeadroomBytes + content_size;
  auto memory = content.release();
  write_message_event_head(memory.get() + end - size, next_sequence_, kind, content_size);
  auto chunk = std::make_shared<EventChunk>(std::move(memory), end);
  staged_.push_back({std::move(chunk), static_cast<uint32_t>(end - size), next_sequence_, {}});
  added(size, end);
}

void EventWriter::add_event(BytesView event) {
  const size_t size = wrapped_event_size(event.size());
  write_wrapped_event(reserve(size), event);
  copied(size);
}

std::vector<EventSegment> EventWriter::take() {
  if (staged_.empty()) return {};
  published_ = next_sequence_;
  staged_bytes_ = 0;
  if (chunk_) {
    last_copied_bytes_ = std::exchange(copied_bytes_, 0);
    last_chunk_ = std::exchange(chunk_, nullptr);
  }
  return std::exchange(staged_, {});
}

void EventLog::append(std::vector<EventSegment> segments) {
  for (auto& segment : segments) {
    bytes_ += segment.ends.back() - segment.begin;
    end_ += segment.ends.size();
    if (!segments_.empty() && segments_.back().chunk == segment.chunk) {
      auto& ends = segments_.back().ends;
      ends.insert(ends.end(), segment.ends.begin(), segment.ends.end());
    } else {
      segments_.push_back(std::move(segment));
    }
  }
}

size_t EventLog::acknowledge(uint64_t sequence) {
  const uint64_t target = std::min(sequence, end_ - 1) + 1;
  const size_t before = bytes_;
  auto segment = segments_.begin();
  while (first_ < target) {
    const uint64_t stop = std::min(target, segment->end_sequence());
    bytes_ -= begin_of(*segment, stop) - begin_of(*segment, first_);
    first_ = stop;
    if (stop == segment->end_sequence()) ++segment;
  }
  segments_.erase(segments_.begin(), segment);
  if (segments_.empty()) std::vector<EventSegment>().swap(segments_);
  return before - bytes_;
}

EventRange EventLog::read(uint64_t sequence, uint64_t events_max, size_t bytes_max) const {
  if (sequence < first_ || sequence >= end_ || events_max == 0) return {};
  const auto after = std::ranges::upper_bound(segments_, sequence, {}, &EventSegment::first_sequence);
  const auto& segment = *std::prev(after);
  const uint32_t begin = begin_of(segment, sequence);
  const auto first = segment.ends.begin() + static_cast<ptrdiff_t>(sequence - segment.first_sequence);
  const auto stop = first + static_cast<ptrdiff_t>(std::min<uint64_t>(
                                events_max, static_cast<uint64_t>(segment.ends.end() - first)));
  auto end = std::upper_bound(first, stop, begin + bytes_max);
  if (end == first) ++end;
  return {segment.chunk, segment.chunk->data() + begin, *std::prev(end) - begin,
          static_cast<uint64_t>(end - first)};
}

}  // namespace icws::adapter
