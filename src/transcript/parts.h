// The fixed rule by which a message over its connection's limit is cut, after it was agreed on as a whole.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "transcript/entry.h"

namespace icws::transcript {

// The least part: with smaller ones the entries of a message would take more of an inbox than its bytes.
inline constexpr uint64_t kPartBytesMin = 4'096;

// `content` in order, each part but the last as long as it can be: `part_bytes`, and in a text at most 3
// fewer, for it is cut between characters. One part where it fits, also an empty one. part_bytes: at least 4.
// Views into `content`.
std::vector<BytesView> cut_parts(ContentKind kind, BytesView content, uint64_t part_bytes);

// At least as many parts as cut_parts() gives for a content of `bytes`.
uint64_t parts_bound(uint64_t bytes, uint64_t part_bytes);

}  // namespace icws::transcript
