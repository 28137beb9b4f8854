// Medians and quantiles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace icws::bench {

// `share` of 0..1 lies below it. Precondition: not empty.
inline double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  const auto index = static_cast<size_t>(share * static_cast<double>(values.size()));
  return values[std::min(index, values.size() - 1)];
}

inline double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

}  // namespace icws::bench
