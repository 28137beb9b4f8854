// The gRPC calls: protobuf in and out, and nothing else.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>

#include "adapter/connection_table.h"
#include "adapter/event_hub.h"

namespace grpc {
class Service;
}

namespace icws::adapter {

// `table` is used on `executor`'s thread only: each unary call is posted there and answered from there, so
// the executor must run until the gRPC server has been shut down. `instance`: random, of this process.
std::unique_ptr<grpc::Service> make_service(boost::asio::any_io_executor executor, ConnectionTable& table,
                                            EventHub& hub, Metrics& metrics, uint64_t instance);

}  // namespace icws::adapter
