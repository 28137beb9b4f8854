// What a block may never do to the replicated state, whatever was reported, proposed or called.
#pragma once

#include <string>
#include <vector>

#include "replica/cluster_params.h"
#include "replica/state.h"

namespace icws::replica {

// What is wrong with `current` as the state after the block that follows `previous`; a sentence each, empty
// if nothing. Pure. The simulator asks after every block; linear in the connections.
std::vector<std::string> check_invariants(const State& previous, const State& current,
                                          const ClusterParams& params);

}  // namespace icws::replica
