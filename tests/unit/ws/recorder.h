// Runs a decoder over chunks and keeps what came out.
#pragma once

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "ws/decoder.h"

namespace icws::ws::testing {

struct Record {
  EventKind kind;
  CloseCode close_code;
  Bytes payload;

  bool operator==(const Record&) const = default;
};

inline void PrintTo(const Record& record, std::ostream* out) {
  *out << "kind " << static_cast<int>(record.kind) << " code " << record.close_code << " size "
       << record.payload.size() << " " << to_hex(BytesView(record.payload).substr(0, 40));
}

struct Outcome {
  std::vector<Record> events;
  std::optional<DecodeError> error;

  bool operator==(const Outcome&) const = default;
};

inline void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << outcome.events.size() << " events, error "
       << (outcome.error ? std::string(describe(*outcome.error)) : "none");
}

// Feeds one chunk. The chunk lies in memory of its own, as large as it is, so that sanitizers see a read
// beyond it.
inline void feed(Decoder& decoder, BytesView chunk, Outcome& outcome) {
  const std::vector<char> own(chunk.begin(), chunk.end());
  BytesView input(own.data(), own.size());
  while (!outcome.error) {
    const auto event = decoder.next(input);
    if (!event) {
      outcome.error = event.error();
    } else if (event->kind == EventKind::kNeedMore) {
      return;
    } else {
      outcome.events.push_back({event->kind, event->close_code, Bytes(event->payload)});
    }
  }
}

// As feed(), with as much as possible of the chunk read straight to its place, `part_bytes` at a time.
inline void feed_placed(Decoder& decoder, BytesView chunk, Outcome& outcome, size_t part_bytes) {
  while (!outcome.error && !chunk.empty()) {
    const auto place = decoder.payload_room();
    const size_t bytes = std::min({chunk.size(), part_bytes, place.empty() ? SIZE_MAX : place.size()});
    const BytesView part = chunk.substr(0, bytes);
    chunk.remove_prefix(bytes);
    if (place.empty()) {
      feed(decoder, part, outcome);
      continue;
    }
    std::ranges::copy(part, place.begin());
    const auto event = decoder.filled(bytes);
    if (!event) {
      outcome.error = event.error();
    } else if (event->kind != EventKind::kNeedMore) {
      outcome.events.push_back({event->kind, event->close_code, Bytes(event->payload)});
    }
  }
}

inline Outcome decode(BytesView stream, DecoderLimits limits = {}, size_t chunk_bytes = SIZE_MAX,
                      const std::optional<DeflateParameters>& deflate = {}) {
  Decoder decoder(limits, deflate);
  Outcome outcome;
  while (!stream.empty()) {
    const BytesView chunk = stream.substr(0, chunk_bytes);
    stream.remove_prefix(chunk.size());
    feed(decoder, chunk, outcome);
  }
  return outcome;
}

}  // namespace icws::ws::testing
