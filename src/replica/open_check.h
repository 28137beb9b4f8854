// Whether what a canister asks for can be opened at all: checked once, on every replica alike, before any
// socket.
#pragma once

#include <expected>

#include "replica/canister.h"
#include "replica/cluster_params.h"
#include "transform/transform.h"

namespace icws::replica {

// Says what, where and what to do; pure.
std::expected<void, Reject> check_open(const OpenArguments& arguments, const ClusterParams& params);
std::expected<void, Reject> check_send(MessageKind kind, BytesView content, const ClusterParams& params);
std::expected<void, Reject> check_close(uint16_t code, BytesView reason);

// The transform that the arguments name.
transform::TransformSpec transform_spec(const OpenArguments& arguments);

}  // namespace icws::replica
