// The transform that one epoch of a connection has pinned.
#pragma once

#include <memory>

#include "replica/cluster_params.h"
#include "replica/code_library.h"
#include "replica/state.h"
#include "transform/message_transform.h"

namespace icws::replica {

// The code that Connection::code names has the transform that the canister asked for, or it asked for none of
// its own.
bool has_transform(const Connection& record, const CodeLibrary& library);

// For the record's current epoch. Throws std::runtime_error if this build lacks what the other replicas have.
std::unique_ptr<transform::MessageTransform> make_transform(const Connection& record,
                                                            const CodeLibrary& library,
                                                            const ClusterParams& params);

}  // namespace icws::replica
