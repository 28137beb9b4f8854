#include "ws/deflater.h"

#include <algorithm>
#include <cassert>
#include <new>

#include "ws/detail/zlib_stream.h"

namespace icws::ws {
namespace {

// zlib has no raw stream with a window of 2^8. With 2^9 it never refers to more than 2^9 - 262 = 250 bytes
// before (a match needs that much look-ahead), so that a peer with 2^8 can read it.
constexpr uint8_t kZlibWindowBitsMin = 9;

// The fastest: the I/O thread waits for it, and canisters send little.
constexpr int kLevel = 1;

// zlib's hash table gets 2^(memory level + 7) entries: one for each position of the window, which is zlib's
// own relation of its default window (15) and memory level (8). More would find nothing more. Below 4 the
// blocks get so short (2^(memory level + 6) symbols) that their headers show.
constexpr int kMemoryLevelMin = 4;
int memory_level(int window_bits) { return std::max(window_bits - 7, kMemoryLevelMin); }

// What compress() cuts off (RFC 7692, section 7.2.1).
constexpr BytesView kTail("\x00\x00\xFF\xFF", 4);

// Output grows by such steps; zlib wants more than 6 bytes for a flush.
constexpr size_t kStepBytesMin = 256;

}  // namespace

void Deflater::End::operator()(detail::ZlibStream* stream) const {
  deflateEnd(stream->get());
  delete stream;
}

Deflater::Deflater(const DeflateParameters& parameters, uint8_t window_bits_max)
    : window_bits_(
          std::max(std::min(parameters.client_max_window_bits, window_bits_max), kZlibWindowBitsMin)),
      context_takeover_(!parameters.client_no_context_takeover) {}
Deflater::Deflater(Deflater&&) noexcept = default;
Deflater& Deflater::operator=(Deflater&&) noexcept = default;
Deflater::~Deflater() = default;

bool Deflater::compress(BytesView payload, Bytes& out) {
  if (payload.size() < kMessageBytesMin) return false;
  if (!stream_) {
    stream_.reset(new detail::ZlibStream);
    const int code = deflateInit2(stream_->get(), kLevel, Z_DEFLATED, -int{window_bits_},
                                  memory_level(window_bits_), Z_DEFAULT_STRATEGY);
    if (code != Z_OK) throw std::bad_alloc();
  }
  z_stream& stream = *stream_->get();
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(payload.data()));
  stream.avail_in = static_cast<uInt>(payload.size());
  out.clear();
  do {
    const size_t before = out.size();
    const size_t step = kStepBytesMin + payload.size() / 4;
    // libstdc++ 12 hands a wrong size to the function; we know it.
    out.resize_and_overwrite(before + step, [&](char* data, size_t) {
      stream.next_out = reinterpret_cast<Bytef*>(data + before);
      stream.avail_out = static_cast<uInt>(step);
      deflate(&stream, Z_SYNC_FLUSH);
      return before + step - stream.avail_out;
    });
  } while (stream.avail_out == 0);
  assert(out.ends_with(kTail));
  out.resize(out.size() - kTail.size());
  // A message that did not get smaller is sent as it is, and the peer's window does not have it then.
  const bool smaller = out.size() < payload.size();
  if (!smaller || !context_takeover_) deflateReset(&stream);
  return smaller;
}

size_t Deflater::memory_bytes() const { return stream_ ? stream_->memory_bytes() : 0; }

size_t Deflater::memory_bytes_max(uint8_t window_bits) {
  const int bits = std::max(window_bits, kZlibWindowBitsMin);
  // zlib's state and the blocks' headers beside what zconf.h says.
  constexpr size_t kStateBytes = 6 * 1024 + 256;
  return (size_t{1} << (bits + 2)) + (size_t{1} << (memory_level(bits) + 9)) + kStateBytes;
}

}  // namespace icws::ws
