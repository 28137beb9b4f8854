// The decoder on any bytes: no crash, the same events in any chunks, and nothing beyond its limits.
// The first byte of the input chooses the chunks; the rest is what a server sent.
#include <cstdint>
#include <cstdlib>

#include "tests/unit/ws/recorder.h"
#include "ws/utf8.h"

namespace {

using icws::BytesView;
using icws::ws::DecoderLimits;
using icws::ws::EventKind;
using icws::ws::testing::Outcome;

// Small, so that a fuzzer reaches them, and beyond Decoder::kRoomBytesMin.
constexpr DecoderLimits kLimits{.message_bytes_max = 20'000, .fragments_max = 8, .empty_fragments_max = 4};

void require(bool condition) {
  if (!condition) std::abort();
}

void check_events(const Outcome& outcome) {
  for (const auto& event : outcome.events) {
    switch (event.kind) {
      case EventKind::kText:
        require(icws::ws::utf8_valid(event.payload));
        [[fallthrough]];
      case EventKind::kBinary:
        require(event.payload.size() <= kLimits.message_bytes_max);
        break;
      case EventKind::kPing:
      case EventKind::kPong:
        require(event.payload.size() <= 125);
        break;
      case EventKind::kClose:
        require(event.payload.size() <= 123 && icws::ws::utf8_valid(event.payload));
        require(&event == &outcome.events.back());
        break;
      case EventKind::kNeedMore:
        require(false);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const BytesView stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = icws::ws::testing::decode(stream, kLimits);
  check_events(whole);
  require(icws::ws::testing::decode(stream, kLimits, 1 + data[0]) == whole);
  icws::ws::Decoder decoder(kLimits);
  Outcome placed;
  icws::ws::testing::feed_placed(decoder, stream, placed, 1 + data[0]);
  require(placed == whole);
  return 0;
}
