// JSON by RFC 8259, strictly.
#pragma once

#include "base/bytes.h"
#include "transform/detail/json_tree.h"

namespace icws::transform::detail {

// Fills `tree` with `text`, which must outlive it. False if this is not JSON as transform.h means it; the
// tree is of no use then. Texts of 4 GiB and more are not JSON either: nodes count in 32 bits.
bool parse_json(BytesView text, JsonTree& tree);

}  // namespace icws::transform::detail
