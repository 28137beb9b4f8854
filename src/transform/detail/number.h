// Numbers of RFC 8785, section 3.2.2.3.
#pragma once

#include "base/bytes.h"

namespace icws::transform::detail {

// Appends the ES6 form of `token`, which must be a number by RFC 8259's grammar. Where the exact decimal
// value of that form is not the token's (9007199254740993, 0.1000000000000000055, 1e400), appends the token
// itself: rounding would make different prices equal. So 1.0 gives 1, 1E2 gives 100, -0 gives 0.
void append_number(BytesView token, Bytes& out);

}  // namespace icws::transform::detail
