// Mode observations: what each member saw last, at intervals, for values that never match. Design section 4,
// "observations".
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "agreement/quorum.h"
#include "agreement/section.h"
#include "base/ids.h"
#include "base/time.h"
#include "transcript/entry.h"

namespace icws::agreement {

// The numbers are in the archive encoding.
enum class Deliver : uint8_t { All = 1, Median = 2 };

// Longest time that a section may give for a value's age, and that a canister may ask for.
inline constexpr Milliseconds kValueAgeMax{24 * 3'600'000};

// What the canister asks for.
struct ObservationsSettings {
  Deliver deliver = Deliver::All;
  // A key is read when so many members have a value that is young enough. f+1 to n-f; for the median 2f+1 to
  // n-f.
  uint32_t min_responses = 0;
  // In agreement time.
  Milliseconds interval{1'000};
  // An older value does not count.
  Milliseconds age_max{60'000};
  static void fields(auto& archive, auto& self) {
    archive(self.deliver, self.min_responses, self.interval, self.age_max);
  }
  bool operator==(const ObservationsSettings&) const = default;
};

// The fewest members whose values may be read: of f+1 one is honest, so no key is made up by liars; of 2f+1
// the median lies between honest values.
constexpr uint32_t min_responses_lowest(Deliver deliver, Quorum quorum) {
  return deliver == Deliver::Median ? 2 * quorum.f() + 1 : quorum.f() + 1;
}

// The replicated part.
struct ObservationsState {
  ObservationsSettings settings;
  // When the next reading is due.
  AgreedTime due;
  // Readings that were due in this epoch: whose turn it is among too many keys.
  uint64_t round = 0;
  // Intervals without a reading since the last one, because the inbox had no room.
  uint64_t skipped = 0;
  // Agreement time after the last W + 1 blocks, oldest first: tells how old a report is.
  struct Tick {
    Height height;
    AgreedTime now;
    static void fields(auto& archive, auto& self) { archive(self.height, self.now); }
  };
  std::deque<Tick> ticks;
  static void fields(auto& archive, auto& self) {
    archive(self.settings, self.due, self.round, self.skipped, self.ticks);
  }
};

struct ObservationsContext {
  Height height;
  AgreedTime now;
  uint64_t inbox_bytes = 0;
  bool inbox_has_room = true;
  // W.
  uint32_t blocks_in_force = 0;
};

// How many members must answer in this epoch: what the canister asked for, brought between the lowest number
// that is safe with this committee and a quorum, which answers whatever f members do.
uint32_t min_responses_now(const ObservationsSettings& settings, Quorum quorum);

// The connection has opened: the first interval begins.
void begin_observations(ObservationsState& state, AgreedTime now);

// One block: the readings that it delivers, ascending by key, and the state after it.
std::vector<transcript::Reading> read_observations(ObservationsState& state, const View& view,
                                                   const std::vector<ReplicaIndex>& committee,
                                                   const ObservationsContext& context);

// Where the turns of an interval begin, in the ring of LatestValues.
uint32_t values_turn(const ObservationsState& state);

// Bytes that a reading takes in the inbox.
uint64_t inbox_bytes(const transcript::Reading& reading);

// A message's value as a section carries it: for the median, the canonical text of a JSON number, or of a
// string that is one. Empty: it is none.
std::optional<Bytes> value_of(Deliver deliver, BytesView content);

}  // namespace icws::agreement
