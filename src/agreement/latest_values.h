// One replica's own newest value of each key: what mode observations reports.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "agreement/section.h"
#include "base/bytes.h"
#include "base/time.h"

namespace icws::agreement {

// Bytes of a key: an instrument and a venue. With kValueBytesMax, any value fits into a section's smallest
// share of a report.
inline constexpr size_t kValueKeyBytesMax = 256;
// Bytes of a value: a number, or a small record.
inline constexpr size_t kValueBytesMax = 1'024;
// Keys that a replica keeps for one connection: a server's junk must not fill its memory.
inline constexpr size_t kValueKeysMax = 1'024;
// A value's frame in a section beside key and value.
inline constexpr size_t kValueOverheadBytes = 24;

// What: see above. Where there are too many keys, the one that was silent for longest is forgotten.
// Thread-safety: none. Ownership: a value. Errors: none. Costs: logarithmic, list() linear in the keys.
class LatestValues {
 public:
  // False: over a limit; nothing changes.
  bool put(Bytes key, Bytes value, LocalTime now);
  void forget(BytesView key);
  void clear();
  // Forgets what was received before.
  void forget_before(LocalTime then);
  size_t size() const { return values_.size(); }

  // What a section carries: keys from `turn` on in the order of their hashes, round and round, as many as
  // fit, then ascending by key. The same `turn` gives the same keys on all replicas that have them.
  std::vector<LatestValue> list(uint32_t turn, size_t bytes_max, size_t values_max, LocalTime now) const;

 private:
  // By place in the ring.
  struct Place {
    uint32_t point = 0;
    Bytes key;
    auto operator<=>(const Place&) const = default;
  };
  struct Value {
    Bytes value;
    LocalTime received;
    uint64_t arrival = 0;
  };
  using Values = std::map<Place, Value>;
  static Place place_of(BytesView key);
  void erase(Values::iterator value);

  Values values_;
  // In order of arrival.
  std::map<uint64_t, Place> arrivals_;
  uint64_t last_arrival_ = 0;
};

}  // namespace icws::agreement
