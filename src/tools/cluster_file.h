// The cluster file: what must be equal on all replicas, as JSON.
//
//   {"chain_id": "...", "replica_keys": ["64 hex digits", ...],
//    "params": {"report_bytes_max": 32768, ...}, "agreement": {"hold_back_ms": 2000, ...},
//    "price": {"open_per_node": 1000000, ...}, "initial_cycles": 1000000000000000}
//
// All but the first two may be left out, and so may each of their fields; the defaults stand in
// cluster_params.h, agreement/params.h and pricing.h. Prices may be 0.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "replica/cluster_params.h"

namespace icws::tools {

// Errors: one sentence for each fault (unknown key, wrong type, out of range), all at once.
std::expected<replica::ClusterParams, std::vector<std::string>> parse_cluster(std::string_view text);
// Every field written out, so that the file says what holds.
std::string format_cluster(const replica::ClusterParams& params);

}  // namespace icws::tools
