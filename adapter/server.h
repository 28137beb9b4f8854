// The gRPC server.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "adapter/listener.h"
#include "adapter/log.h"
#include "adapter/metrics.h"
#include "base/time.h"

namespace grpc {
class Service;
}

namespace icws::adapter {

// Listens on a Unix socket in a directory of mode 0700, which is made if it is missing. Throws
// std::runtime_error: the directory belongs to someone else or is open to others, or another process listens.
Listener listen_privately(boost::asio::io_context& io, const std::string& path);

// What: lets in only processes of this user, of root and of those that were allowed (SO_PEERCRED), and hands
// their connections to gRPC, with health and reflection. gRPC 1.51's own Unix listener neither checks the
// peer nor makes the socket private before it listens. Thread-safety: construction, stop_accepting() and
// shutdown() on one thread, which is not the executor's. Ownership: borrows service, metrics and log. Errors:
// construction throws std::runtime_error.
class Server {
 public:
  Server(boost::asio::io_context& io, Listener listener, grpc::Service& service, Metrics& metrics,
         const Log& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens.
  const std::string& address() const;
  // Of these users, too, from now on. On the executor's thread, or while that does not run yet.
  void allow(std::vector<uid_t> users);
  // Reports NOT_SERVING and takes no new connection.
  void stop_accepting();
  // Ends all calls. The io_context must run meanwhile.
  void shutdown(Milliseconds deadline);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::adapter
