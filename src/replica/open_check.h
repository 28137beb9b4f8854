// Whether what a canister asks for can be opened at all: checked once, on every replica alike, before any
// socket.
#pragma once

#include <expected>

#include "agreement/quorum.h"
#include "replica/canister.h"
#include "replica/cluster_params.h"
#include "transform/transform.h"

namespace icws::replica {

// Says what, where and what to do; pure. `quorum`: of the replica set that the epoch would have.
std::expected<void, Reject> check_open(const OpenArguments& arguments, const ClusterParams& params,
                                       agreement::Quorum quorum);
std::expected<void, Reject> check_send(MessageKind kind, BytesView content, const ClusterParams& params);
std::expected<void, Reject> check_close(uint16_t code, BytesView reason);

// The largest message after the transform that does not end the connection. Bytes.
uint64_t largest_message_bytes(const OpenArguments& arguments, const ClusterParams& params);

// The transform that the arguments name.
transform::TransformSpec transform_spec(const OpenArguments& arguments);

}  // namespace icws::replica
