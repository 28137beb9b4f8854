#include "ws/inflater.h"

#include <algorithm>
#include <new>

#include "ws/detail/zlib_stream.h"

namespace icws::ws {
namespace {

// What the sender has cut off: the rest of an empty stored block (RFC 7692, section 7.2.2).
constexpr BytesView kTail("\x00\x00\xFF\xFF", 4);

// The output grows by some times the input, within these: JSON deflates to a fifth.
constexpr size_t kGrowth = 4;
constexpr size_t kStepBytesMin = 1024;
constexpr size_t kStepBytesMax = 64 * 1024;
// So that every size fits zlib's 32 bits.
constexpr size_t kPieceBytesMax = 1 << 20;

// Of z_stream::data_type after inflate(): no block is begun; the low bits count unused bits of the last byte.
constexpr int kBetweenBlocks = 128;

// Inflates into the new end of `out`, which may get `bytes_left` more and one: that it came shows that there
// is too much. Returns zlib's code.
int inflate_step(z_stream& stream, MessageBuffer& out, uint64_t bytes_left) {
  const size_t wanted = std::clamp(kGrowth * stream.avail_in, kStepBytesMin, kStepBytesMax);
  const auto bytes = static_cast<size_t>(std::min<uint64_t>(wanted, bytes_left)) + 1;
  out.make_room(bytes);
  stream.next_out = reinterpret_cast<Bytef*>(out.end());
  stream.avail_out = static_cast<uInt>(bytes);
  const int code = inflate(&stream, Z_SYNC_FLUSH);
  out.advance(bytes - stream.avail_out);
  return code;
}

}  // namespace

void Inflater::End::operator()(detail::ZlibStream* stream) const {
  inflateEnd(stream->get());
  delete stream;
}

Inflater::Inflater(bool context_takeover) : context_takeover_(context_takeover) {}
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;
Inflater::~Inflater() = default;

std::expected<void, InflateError> Inflater::feed(BytesView input, MessageBuffer& out,
                                                 uint64_t message_bytes_max) {
  if (!stream_) {
    stream_.reset(new detail::ZlibStream);
    if (inflateInit2(stream_->get(), -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  z_stream& stream = *stream_->get();
  while (!input.empty()) {
    const BytesView piece = input.substr(0, kPieceBytesMax);
    input.remove_prefix(piece.size());
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    do {
      const int code = inflate_step(stream, out, message_bytes_max - out.size());
      if (out.size() > message_bytes_max) {
        out.truncate(message_bytes_max);
        return std::unexpected(InflateError::kTooBig);
      }
      if (code == Z_MEM_ERROR) throw std::bad_alloc();
      // Z_BUF_ERROR: there was nothing to do.
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        return std::unexpected(InflateError::kCorrupt);
      }
      at_boundary_ = code == Z_STREAM_END || stream.data_type == kBetweenBlocks;
      // A final block is behind us. What follows begins anew, but with the window (inflateReset would drop
      // it).
      if (code == Z_STREAM_END) inflateResetKeep(&stream);
    } while (stream.avail_in > 0 || stream.avail_out == 0);
  }
  return {};
}

std::expected<void, InflateError> Inflater::finish(MessageBuffer& out, uint64_t message_bytes_max) {
  const size_t before = out.size();
  if (const auto inflated = feed(kTail, out, message_bytes_max); !inflated) return inflated;
  // The tail is to be the end of an empty block, not somebody's data.
  if (!at_boundary_ || out.size() != before) return std::unexpected(InflateError::kCorrupt);
  if (!context_takeover_) inflateReset(stream_->get());
  return {};
}

void Inflater::release_idle() {
  if (!context_takeover_) stream_.reset();
}

size_t Inflater::memory_bytes() const { return stream_ ? stream_->memory_bytes() : 0; }

}  // namespace icws::ws
