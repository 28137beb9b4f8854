// The other side of permessage-deflate, on zlib directly: what a server sends, and how it reads what we send.
// For tests.
#pragma once

#include <zlib.h>

#include <cassert>
#include <memory>
#include <optional>

#include "base/bytes.h"

namespace icws::ws::testing {

inline constexpr BytesView kDeflateTail("\x00\x00\xFF\xFF", 4);
// An empty stored block.
inline constexpr BytesView kSyncFlush("\x00\x00\x00\xFF\xFF", 5);

// Compresses as a server would.
class PeerDeflater {
 public:
  explicit PeerDeflater(int window_bits = 15, bool context_takeover = true, int level = 6,
                        int strategy = Z_DEFAULT_STRATEGY)
      : context_takeover_(context_takeover) {
    [[maybe_unused]] const int code = deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, 8, strategy);
    assert(code == Z_OK);
  }
  PeerDeflater(const PeerDeflater&) = delete;
  PeerDeflater& operator=(const PeerDeflater&) = delete;
  ~PeerDeflater() { deflateEnd(&stream_); }

  // Whole blocks for `payload`, ended by a flush of zlib: Z_SYNC_FLUSH, Z_FULL_FLUSH, or Z_FINISH, after
  // which the stream begins anew.
  Bytes blocks(BytesView payload, int flush = Z_SYNC_FLUSH) {
    Bytes out(deflateBound(&stream_, payload.size()) + 64, '\0');
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(payload.data()));
    stream_.avail_in = static_cast<uInt>(payload.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    deflate(&stream_, flush);
    assert(stream_.avail_out > 0);
    out.resize(out.size() - stream_.avail_out);
    if (flush == Z_FINISH) deflateReset(&stream_);
    return out;
  }

  // A message as it is on the wire.
  Bytes message(BytesView payload) {
    // zlib does not flush twice when nothing came in between (RFC 7692, section 7.2.3.6).
    Bytes out = payload.empty() ? Bytes(1, '\0') : blocks(payload);
    if (out.ends_with(kDeflateTail)) out.resize(out.size() - kDeflateTail.size());
    if (!context_takeover_) deflateReset(&stream_);
    return out;
  }

 private:
  z_stream stream_{};
  bool context_takeover_;
};

// Inflates as a server would, with a window as small as it was promised. Bytes come out one a call, so that
// zlib's own output does not help out a reference to before the window.
class PeerInflater {
 public:
  explicit PeerInflater(int window_bits = 15, bool context_takeover = true)
      : context_takeover_(context_takeover) {
    [[maybe_unused]] const int code = inflateInit2(&stream_, -window_bits);
    assert(code == Z_OK);
  }
  PeerInflater(const PeerInflater&) = delete;
  PeerInflater& operator=(const PeerInflater&) = delete;
  ~PeerInflater() { inflateEnd(&stream_); }

  // Nothing: zlib refuses it.
  std::optional<Bytes> message(BytesView wire) {
    const Bytes input = Bytes(wire).append(kDeflateTail);
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    Bytes out;
    while (true) {
      Bytef byte = 0;
      stream_.next_out = &byte;
      stream_.avail_out = 1;
      const int code = inflate(&stream_, Z_SYNC_FLUSH);
      if (code != Z_OK && code != Z_BUF_ERROR) return std::nullopt;
      if (stream_.avail_out == 1) break;
      out.push_back(static_cast<char>(byte));
    }
    if (!context_takeover_) inflateReset(&stream_);
    return out;
  }

 private:
  z_stream stream_{};
  bool context_takeover_;
};

}  // namespace icws::ws::testing
