// The gRPC server on its Unix socket.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "adapter/log.h"
#include "base/time.h"

namespace grpc {
class Service;
}

namespace icws::adapter {

// What: listens on a Unix socket, lets in only processes of this user and of root (SO_PEERCRED), and hands
// their connections to gRPC, with health and reflection. gRPC 1.51's own Unix listener neither checks the
// peer nor makes the socket private before it listens.
// Thread-safety: construction, stop_accepting() and shutdown() on one thread, which is not the executor's.
// Ownership: borrows the service. Errors: construction throws std::runtime_error: the directory belongs to
// someone else, is open to others, or another adapter listens there.
class Server {
 public:
  Server(boost::asio::io_context& io, const std::string& path, grpc::Service& service, const Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Reports NOT_SERVING and takes no new connection.
  void stop_accepting();
  // Ends all calls. The io_context must run meanwhile.
  void shutdown(Milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::adapter
