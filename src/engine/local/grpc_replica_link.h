// A replica in another process, over its Unix domain socket.
#pragma once

#include <memory>
#include <string>

#include "engine/local/replica_link.h"

namespace icws::engine {

// `socket`: the path; the replica need not listen yet. The link connects by itself whenever the replica comes
// back. A replica of another chain than `chain_id` fails every info().
std::unique_ptr<ReplicaLink> make_grpc_replica_link(const std::string& socket, const std::string& chain_id);

}  // namespace icws::engine
