// Compression of our messages (RFC 7692, section 7.2.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "ws/deflate_negotiation.h"

namespace icws::ws {

namespace detail {
class ZlibStream;
}

// What: compresses one message after the other, where that is worthwhile.
// Thread-safety: none.
// Ownership: memory is taken with the first message that is compressed, memory_bytes_max() at most.
// Errors: none but std::bad_alloc.
class Deflater {
 public:
  // Shorter messages go as they are: the packet's other headers outweigh what could be saved.
  static constexpr size_t kMessageBytesMin = 128;

  // `window_bits_max`, 8 to 15: our own wish for memory; the smaller of it and of what was agreed counts.
  explicit Deflater(const DeflateParameters& parameters, uint8_t window_bits_max = kWindowBitsMax);
  Deflater(Deflater&&) noexcept;
  Deflater& operator=(Deflater&&) noexcept;
  ~Deflater();

  // True: `out` holds what a frame with RSV1 is to carry; the peer's window now has this message, so that it
  // must be sent, and in this order. False: send the payload as it is; `out` is unspecified. `payload`: less
  // than 4 GiB.
  bool compress(BytesView payload, Bytes& out);

  // Gives all memory back. Always allowed: the next message does not refer to those before it.
  void release_idle() { stream_.reset(); }
  size_t memory_bytes() const;
  // For a window of 2^bits bytes, bits from 8 to 15: 17 KiB for 8, 38 KiB for 12 and 262 KiB for 15.
  static size_t memory_bytes_max(uint8_t window_bits);

 private:
  struct End {
    void operator()(detail::ZlibStream* stream) const;
  };

  std::unique_ptr<detail::ZlibStream, End> stream_;
  uint8_t window_bits_;
  bool context_takeover_;
};

}  // namespace icws::ws
