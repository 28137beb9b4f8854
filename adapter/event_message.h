// The rare events, through protobuf. (Messages are written by event_wire.)
#pragma once

#include <string>

#include "adapter/failure.h"
#include "base/bytes.h"
#include "replica/adapter_port.h"

namespace icws::adapter {

Bytes serialize_opened(uint64_t sequence, const replica::SocketOpened& opened);
Bytes serialize_closed(uint64_t sequence, const replica::SocketClosed& closed);
Bytes serialize_open_failed(uint64_t sequence, const Failure& failure);

}  // namespace icws::adapter
