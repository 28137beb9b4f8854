#include "ws/detail/zlib_stream.h"

#include <cstdlib>

namespace icws::ws::detail {
namespace {

// In front of each block stands its size; so much room keeps what follows aligned.
constexpr size_t kPrefixBytes = alignof(std::max_align_t);
static_assert(kPrefixBytes >= sizeof(size_t));

}  // namespace

ZlibStream::ZlibStream() {
  stream_.zalloc = allocate;
  stream_.zfree = free;
  stream_.opaque = this;
}

// zlib takes a null pointer for "no memory".
void* ZlibStream::allocate(void* self, unsigned items, unsigned size) {
  const size_t bytes = size_t{items} * size + kPrefixBytes;
  auto* const block = static_cast<char*>(std::malloc(bytes));
  if (block == nullptr) return nullptr;
  *reinterpret_cast<size_t*>(block) = bytes;
  static_cast<ZlibStream*>(self)->memory_bytes_ += bytes;
  return block + kPrefixBytes;
}

void ZlibStream::free(void* self, void* address) {
  char* const block = static_cast<char*>(address) - kPrefixBytes;
  static_cast<ZlibStream*>(self)->memory_bytes_ -= *reinterpret_cast<size_t*>(block);
  std::free(block);
}

}  // namespace icws::ws::detail
