#include "tests/support/exchange_model.h"

namespace icws::support {

Feed load_feed(uint64_t synthetic_seed) {
  if (const auto folder = find_captures()) {
    auto streams = read_captures(*folder, "hitbtc");
    if (!streams.empty()) return {std::move(streams), true, "recorded streams in " + folder->string()};
  }
  ExchangeOptions options;
  options.seed = synthetic_seed;
  const ExchangeModel exchange(options);
  return {exchange.streams(4), false, "synthetic exchange, seed " + std::to_string(synthetic_seed)};
}

}  // namespace icws::support
