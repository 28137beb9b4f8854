// JSON by RFC 8785 (JCS), numbers aside that would be rounded (number.h).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "transform/detail/json_tree.h"

namespace icws::transform::detail {

// Appends the value at `node`, whatever the marks say.
void write_whole(const JsonTree& tree, uint32_t node, Bytes& out);
// Appends the root without what is marked dropped.
void write_remaining(const JsonTree& tree, Bytes& out);
// Appends the root with what is marked kept and the containers on the way; nothing of a scalar is null.
void write_kept(const JsonTree& tree, Bytes& out);

}  // namespace icws::transform::detail
