// Recorded WebSocket connections: the files a replay server serves.
//
// A capture holds one line each for an opened connection (`URL <-> TIME`), a text that the client sent
// (`URL <- TIME: TEXT`) and a text that it received (`TIME: TEXT`); TIME is in seconds. Pure functions, no
// state.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace icws::support {

// One text message and when it arrived, in microseconds since its connection was opened.
struct TimedMessage {
  int64_t at_us = 0;
  Bytes text;

  auto operator<=>(const TimedMessage&) const = default;
};

// What one client saw of a server: what a replay server serves to one connection.
struct RecordedStream {
  std::vector<Bytes> subscriptions;    // what the client sent, in order
  std::vector<TimedMessage> messages;  // what it received, in order; `at_us` never falls
};

// Lines that are empty, cut or otherwise not JSON after their head are skipped: recordings have a few.
RecordedStream parse_capture(BytesView contents);

// Errors: a message for people if the file cannot be read.
std::expected<RecordedStream, std::string> read_capture(const std::filesystem::path& file);

// All `<name>-1.capture`, `<name>-2.capture`, ... of a folder, in this order, up to the first that is
// missing.
std::vector<RecordedStream> read_captures(const std::filesystem::path& folder, const std::string& name);

// The folder of recordings: environment variable ICWS_CAPTURES, else `../shared/feeds` beside the source
// directory. Empty if there is none, as in a stranger's clone: use the synthetic exchange then.
std::optional<std::filesystem::path> find_captures();

// Streams for tests and demos: the four recorded ones where they are, else four synthetic ones.
struct Feed {
  std::vector<RecordedStream> streams;
  bool recorded = false;
  std::string origin;  // for people: where the streams come from
};
Feed load_feed(uint64_t synthetic_seed = 1);

}  // namespace icws::support
