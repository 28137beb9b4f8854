// A subnet in virtual time: replicas with the production code, their adapters, servers, an engine, and
// faults.
#pragma once

#include <string>
#include <vector>

#include "base/hash.h"
#include "sim/captures.h"
#include "sim/plan.h"

namespace icws::sim {

struct RunResult {
  std::vector<std::string> violations;
  // Equal for equal plans.
  Digest digest;
  uint64_t blocks = 0;
  uint64_t messages = 0;
  uint64_t gaps = 0;
  uint64_t closes = 0;
  uint64_t crashes = 0;
  // Messages with writers `some` and `single`, and how often the server got one of them.
  uint64_t orders = 0;
  uint64_t order_copies = 0;
  uint64_t rejected_proposals = 0;
};

// Runs to its end. `captures`: for servers of that kind; null: a synthetic feed stands in. An exception of
// the code under test is a violation.
RunResult run(const Plan& plan, const Captures* captures = nullptr);

// The smallest part of `plan` that still fails, by dropping faults, liars, strategies and connections,
// shortening it, and taking away limits and losses one by one; at most `runs_max` runs.
Plan shrink(const Plan& plan, const Captures* captures, uint32_t runs_max);

}  // namespace icws::sim
