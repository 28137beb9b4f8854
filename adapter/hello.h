// The first messages of an Events stream, through protobuf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "replica/adapter_port.h"

namespace icws::adapter {

// Sockets of one message: a tenth of what there may be (`sockets_max`).
inline constexpr size_t kHelloSocketsMax = 16'384;

// The largest SocketStatus as an entry of Hello: the key's three varints (10, 5 and 5 bytes) with their tags
// and the key's own head (2), three varints of 10 with their tags, the head of a chain (34), its own head
// (2).
inline constexpr size_t kSocketStatusBytesMax = (11 + 6 + 6 + 2) + 3 * 11 + 34 + 2;
static_assert(kHelloSocketsMax * kSocketStatusBytesMax < 4 * 1024 * 1024 - 1024,
              "a part of Hello is below 4 MiB, like every other message of the stream");

// Of EventsResponse, in the order in which they are to be written: at least one, each with kHelloSocketsMax
// of the sockets at most.
std::vector<Bytes> serialize_hello(uint64_t instance, const std::vector<replica::SocketStatus>& sockets);

}  // namespace icws::adapter
