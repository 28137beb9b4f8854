// A replica whose state is not the one that the others agreed on must stop: it would tell its users untruths.
#pragma once

#include <stdexcept>
#include <string>

#include "base/hash.h"
#include "base/ids.h"

namespace icws::replica {

// Not to be caught but by the process's last resort.
class StateDiverged final : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What and where, and what to do, for people. `changed`: the leaves that the block at `height` wrote, at
// least one of which differs.
std::string divergence_text(Height height, const Digest& here, const Digest& agreed,
                            const std::string& changed);

}  // namespace icws::replica
