// Where a message is put together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>

#include "base/bytes.h"

namespace icws::ws {

// What: bytes that grow at their end, in memory that is not initialised before something comes. In front of
// them are kHeadroomBytes for whoever takes the buffer over, to write a header of its own there and pass both
// on in one piece.
// Thread-safety: none. Ownership: owns its memory; moved from, it is empty. Errors: std::bad_alloc.
class MessageBuffer {
 public:
  static constexpr size_t kHeadroomBytes = 32;

  MessageBuffer() = default;
  MessageBuffer(MessageBuffer&& other) noexcept { *this = std::move(other); }
  MessageBuffer& operator=(MessageBuffer&& other) noexcept {
    memory_ = std::move(other.memory_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    return *this;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Of size(), what there is memory for.
  size_t capacity() const { return capacity_; }
  BytesView view() const { return {memory_.get() + (memory_ ? kHeadroomBytes : 0), size_}; }

  // Makes room for size() to grow to `capacity`; exactly so much.
  void reserve(size_t capacity) {
    if (capacity <= capacity_) return;
    auto grown = std::make_unique_for_overwrite<char[]>(kHeadroomBytes + capacity);
    if (size_ > 0) std::memcpy(grown.get() + kHeadroomBytes, memory_.get() + kHeadroomBytes, size_);
    memory_ = std::move(grown);
    capacity_ = capacity;
  }
  // Behind what there is; capacity() - size() bytes may be written, and become part of it by advance().
  char* end() { return memory_.get() + kHeadroomBytes + size_; }
  void advance(size_t bytes) { size_ += bytes; }
  // Doubles, so that many small pieces cost no more than twice their bytes.
  void make_room(size_t bytes) {
    if (capacity_ - size_ < bytes) reserve(std::max(size_ + bytes, 2 * size_));
  }
  void append(BytesView piece) {
    if (piece.empty()) return;
    make_room(piece.size());
    std::memcpy(end(), piece.data(), piece.size());
    advance(piece.size());
  }
  // Precondition: size <= size().
  void truncate(size_t size) { size_ = size; }
  // The memory stays.
  void clear() { size_ = 0; }

  // Gives the memory away: kHeadroomBytes, then the bytes. Empty afterwards.
  std::unique_ptr<char[]> release() {
    size_ = capacity_ = 0;
    return std::move(memory_);
  }

 private:
  std::unique_ptr<char[]> memory_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace icws::ws
