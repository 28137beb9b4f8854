// zlib's z_stream with an account of its memory.
#pragma once

#include <zlib.h>

#include <cstddef>

namespace icws::ws::detail {

// What: holds a z_stream whose allocations are counted. Neither copied nor moved: zlib keeps its address, and
// we give out ours. Thread-safety: none. The owner calls inflateEnd or deflateEnd.
class ZlibStream {
 public:
  ZlibStream();
  ZlibStream(const ZlibStream&) = delete;
  ZlibStream& operator=(const ZlibStream&) = delete;

  z_stream* get() { return &stream_; }
  z_stream* operator->() { return &stream_; }
  size_t memory_bytes() const { return memory_bytes_ + sizeof *this; }

 private:
  static void* allocate(void* self, unsigned items, unsigned size);
  static void free(void* self, void* address);

  z_stream stream_{};
  size_t memory_bytes_ = 0;
};

}  // namespace icws::ws::detail
