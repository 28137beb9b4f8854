// Between the port's plain values and the adapter's protobuf messages.
#pragma once

#include <optional>
#include <vector>

#include "adapter_client/command_queue.h"
#include "icws/adapter/v1/adapter.pb.h"
#include "replica/adapter_port.h"

namespace icws::adapter_client {

adapter::v1::OpenRequest request_of(const replica::OpenCommand& command);
adapter::v1::SendRequest request_of(const CommandQueue::Sends& sends);
adapter::v1::CloseRequest request_of(const replica::CloseCommand& command);
adapter::v1::EventsRequest request_of(const std::vector<replica::AcknowledgeCommand>& acknowledgements);

// Adds a part of Hello to what came before it; nothing came before the first. False: the adapter broke the
// interface (another instance, more sockets than there can be).
bool take_part(const adapter::v1::Hello& part, std::optional<replica::AdapterUp>& up);

// The events of a response that is no Hello, moved out of it. Nothing: the adapter broke the interface (a
// number outside its enum, an event of no kind).
std::optional<std::vector<replica::AdapterEvent>> events_of(adapter::v1::EventsResponse& response);

}  // namespace icws::adapter_client
