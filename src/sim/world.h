// A subnet in virtual time: replicas with the production code, their adapters, a server, an engine, and
// faults.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "sim/options.h"

namespace icws::sim {

struct RunResult {
  std::vector<std::string> violations;
  // Equal for equal options.
  Digest digest;
  uint64_t blocks = 0;
  uint64_t messages = 0;
  uint64_t crashes = 0;
  // Messages with writers `some` and `single`, and how often the server got one of them.
  uint64_t orders = 0;
  uint64_t order_copies = 0;
  uint64_t rejected_proposals = 0;
  Byzantine byzantine = Byzantine::None;
};

// Runs to its end. Throws only on a bug of the simulator or an assertion of the code under test.
RunResult run(const Options& options);

}  // namespace icws::sim
