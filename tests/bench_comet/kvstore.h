// CometBFT's own key-value store on four nodes with our configuration: what its transactions cost.
#pragma once

#include <cstddef>
#include <filesystem>

namespace icws::bench {

// Transactions a second, from the first one handed in until every node has executed all `count` of `bytes`
// bytes each. Throws std::runtime_error.
double kvstore_rate(const std::filesystem::path& cometbft, size_t count, size_t bytes);

}  // namespace icws::bench
