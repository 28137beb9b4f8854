// Recorded connections as a simulated server gives them out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.h"

namespace icws::sim {

// One message as it came, and when, since the connection was opened.
struct RecordedMessage {
  Milliseconds at{0};
  std::string text;
};
using RecordedStream = std::vector<RecordedMessage>;

// Where a message stands: the serial-th of its key, on every socket alike.
struct Place {
  std::string key;
  uint64_t serial = 0;
};

// What: streams of one server, with what is left of each message after the transform that the simulated
// canister asks for, and its place. Errors: messages that the transform drops, or that are not alike in
// order, have no place.
struct Captures {
  struct Message {
    Milliseconds at{0};
    std::string text;
    std::string canonical;
    std::string key;
  };
  std::vector<std::vector<Message>> streams;
  std::map<std::string, Place> places;
};

// Runs last seconds, recordings half a minute.
inline constexpr uint32_t kCaptureSpeed = 3;

// Plays `streams` at `speed` times their recorded pace.
Captures make_captures(const std::vector<RecordedStream>& streams, uint32_t speed);

}  // namespace icws::sim
