// Decompression of a server's messages (RFC 7692, section 7.2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>

#include "base/bytes.h"
#include "ws/message_buffer.h"

namespace icws::ws {

namespace detail {
class ZlibStream;
}

enum class InflateError : uint8_t {
  kCorrupt,  // not DEFLATE (RFC 1951), a reference to before the window, or not whole at the message's end
  kTooBig,   // the message inflates to more than its limit
};

// What: inflates one message after the other, in pieces of any size. Blocks of any kind and number may make
// up a message, also final ones (BFINAL), behind which others may follow; the window outlives them. In which
// pieces the bytes come never matters. For that, zlib gets the largest window whatever the server has
// promised: with a smaller one it takes or refuses a reference to before it depending on the pieces.
// Thread-safety: none.
// Ownership: memory is taken with the first message, kMemoryBytesMax at most.
// Errors: what was inflated before the error is in `out`. Throws std::bad_alloc.
// After a failure: nothing but the destructor.
class Inflater {
 public:
  // zlib's state (7 KiB) and a window of 32 KiB.
  static constexpr size_t kMemoryBytesMax = 41 * 1024;

  // `context_takeover`: a message may refer to those before it.
  explicit Inflater(bool context_takeover);
  Inflater(Inflater&&) noexcept;
  Inflater& operator=(Inflater&&) noexcept;
  ~Inflater();

  // Appends what the message's next bytes inflate to. `out` holds the message so far and no more than
  // `message_bytes_max`, of the message and after the call.
  std::expected<void, InflateError> feed(BytesView input, MessageBuffer& out, uint64_t message_bytes_max);
  // Ends the message. An empty one has at least one byte (RFC 7692, section 7.2.3.6).
  std::expected<void, InflateError> finish(MessageBuffer& out, uint64_t message_bytes_max);

  // Between messages: gives back what the next one does not need, which is all without context takeover.
  void release_idle();
  size_t memory_bytes() const;

 private:
  struct End {
    void operator()(detail::ZlibStream* stream) const;
  };

  std::unique_ptr<detail::ZlibStream, End> stream_;
  bool context_takeover_;
  // Everything so far is whole blocks.
  bool at_boundary_ = true;
};

}  // namespace icws::ws
