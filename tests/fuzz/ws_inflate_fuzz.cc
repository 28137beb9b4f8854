// The decoder with permessage-deflate on any bytes: no crash, the same events in any chunks, and nothing
// beyond its limits, the ratio included. The first byte of the input chooses the chunks, the second whether
// the server keeps its window; the rest is what the server sent.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "tests/unit/ws/recorder.h"
#include "ws/utf8.h"

namespace {

using icws::BytesView;
using icws::ws::Decoder;
using icws::ws::DecoderLimits;
using icws::ws::DeflateParameters;
using icws::ws::EventKind;
using icws::ws::Inflater;
using icws::ws::testing::Outcome;

// Small, so that a fuzzer reaches them.
constexpr DecoderLimits kLimits{
    .message_bytes_max = 1'000, .fragments_max = 8, .empty_fragments_max = 4, .inflate_ratio_max = 4};

void require(bool condition) {
  if (!condition) std::abort();
}

Outcome decode(BytesView stream, size_t chunk_bytes, const DeflateParameters& parameters) {
  Decoder decoder(kLimits, parameters);
  Outcome outcome;
  while (!stream.empty()) {
    const BytesView chunk = stream.substr(0, chunk_bytes);
    stream.remove_prefix(chunk.size());
    icws::ws::testing::feed(decoder, chunk, outcome);
    const auto& counters = decoder.counters();
    require(decoder.memory_bytes() <= 2 * kLimits.message_bytes_max + 100 + Inflater::kMemoryBytesMax);
    // The last message may have been one too many: that is the error.
    const uint64_t excess = outcome.error ? kLimits.message_bytes_max : 0;
    require(counters.inflated_bytes <=
            kLimits.inflate_ratio_max * counters.compressed_bytes + kLimits.message_bytes_max + excess);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const BytesView stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const DeflateParameters parameters{.server_no_context_takeover = (data[1] & 1) != 0};
  const Outcome whole = decode(stream, SIZE_MAX, parameters);
  for (const auto& event : whole.events) {
    require(event.payload.size() <= kLimits.message_bytes_max);
    require(event.kind != EventKind::kText || icws::ws::utf8_valid(event.payload));
  }
  require(decode(stream, 1 + data[0], parameters) == whole);
  return 0;
}
