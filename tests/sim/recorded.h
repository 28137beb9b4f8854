// The recorded connections for simulated servers, where the recordings are.
#pragma once

#include <optional>

#include "sim/captures.h"
#include "tests/support/capture.h"

namespace icws::sim {

// As icws-sim plays them, but from when each connection was opened.
inline std::optional<Captures> recorded_captures() {
  const auto folder = support::find_captures();
  if (!folder) return std::nullopt;
  std::vector<RecordedStream> streams;
  for (const support::RecordedStream& recorded : support::read_captures(*folder, "hitbtc")) {
    RecordedStream& stream = streams.emplace_back();
    for (const support::TimedMessage& message : recorded.messages)
      stream.push_back({Milliseconds(message.at_us / 1'000), message.text});
  }
  if (streams.empty()) return std::nullopt;
  return make_captures(streams, kCaptureSpeed);
}

}  // namespace icws::sim
