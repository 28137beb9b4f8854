// The part of icws-bench-codec about compression.
#pragma once

#include <string>
#include <vector>

namespace icws::bench {

// Prints what receiving and sending cost beside zlib alone, for texts of three sizes and for `captured` ones
// (may be empty), and what the worst input costs.
void report_deflate(const std::vector<std::string>& captured);

}  // namespace icws::bench
