// What the gRPC calls ask for, checked and turned into commands; without gRPC.
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "icws/adapter/v1/adapter.pb.h"
#include "replica/adapter_port.h"

namespace icws::adapter {

// What is wrong, for the caller's log. Static storage.
using RequestFault = std::string_view;

replica::SocketKey key_of(const v1::SocketKey& key);

// Each keeps to the limits of the proto. Sizes only: what is wrong with a URL or a header is the socket's
// event, since the canister shall hear it.
std::expected<replica::OpenCommand, RequestFault> command_of(const v1::OpenRequest& request);
std::expected<std::vector<replica::SendCommand>, RequestFault> commands_of(const v1::SendRequest& request);
std::expected<replica::CloseCommand, RequestFault> command_of(const v1::CloseRequest& request);
std::expected<std::vector<replica::AcknowledgeCommand>, RequestFault> commands_of(
    const v1::EventsRequest& request);

}  // namespace icws::adapter
