#include "agreement/latest_values.h"

#include <algorithm>

namespace icws::agreement {

LatestValues::Place LatestValues::place_of(BytesView key) {
  const KeyHash hash = key_hash(key);
  uint32_t point = 0;
  for (size_t i = 0; i < 4; ++i) point = point << 8 | hash[i];
  return Place{point, Bytes(key)};
}

void LatestValues::erase(Values::iterator value) {
  arrivals_.erase(value->second.arrival);
  values_.erase(value);
}

bool LatestValues::put(Bytes key, Bytes value, LocalTime now) {
  if (key.size() > kValueKeyBytesMax || value.size() > kValueBytesMax) return false;
  const Place place = place_of(key);
  if (const auto old = values_.find(place); old != values_.end()) {
    erase(old);
  } else if (values_.size() == kValueKeysMax) {
    erase(values_.find(arrivals_.begin()->second));
  }
  values_.emplace(place, Value{std::move(value), now, ++last_arrival_});
  arrivals_.emplace(last_arrival_, place);
  return true;
}

void LatestValues::forget(BytesView key) {
  if (const auto value = values_.find(place_of(key)); value != values_.end()) erase(value);
}

void LatestValues::clear() {
  values_.clear();
  arrivals_.clear();
}

void LatestValues::forget_before(LocalTime then) {
  while (!arrivals_.empty()) {
    const auto oldest = values_.find(arrivals_.begin()->second);
    if (oldest->second.received >= then) return;
    erase(oldest);
  }
}

std::vector<LatestValue> LatestValues::list(uint32_t turn, size_t bytes_max, size_t values_max,
                                            LocalTime now) const {
  std::vector<LatestValue> out;
  auto next = values_.lower_bound(Place{turn, {}});
  while (out.size() < std::min(values_.size(), values_max)) {
    if (next == values_.end()) next = values_.begin();
    const auto& [place, value] = *next++;
    const size_t bytes = place.key.size() + value.value.size() + kValueOverheadBytes;
    if (bytes > bytes_max) break;
    bytes_max -= bytes;
    out.push_back({place.key, value.value, std::max(now - value.received, Milliseconds(0))});
  }
  std::ranges::sort(out, {}, &LatestValue::key);
  return out;
}

}  // namespace icws::agreement
