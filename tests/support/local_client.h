// A blocking client for sockets of this machine, and HTTP with it.
#pragma once

#include <string>

#include "base/bytes.h"

namespace icws::support {

// What: one connection to a Unix socket's path or to "127.0.0.1:PORT". A read waits at most 20 s.
// Errors: the constructor throws std::system_error.
class LocalClient {
 public:
  explicit LocalClient(const std::string& address);
  ~LocalClient();
  LocalClient(const LocalClient&) = delete;
  LocalClient& operator=(const LocalClient&) = delete;

  void send(BytesView bytes);
  // All that comes until the other side ends the connection.
  Bytes read_all();

 private:
  int socket_;
};

// The whole answer to "GET target", header and body.
std::string http_get(const std::string& address, const std::string& target);
// The part behind the empty line.
std::string http_body(const std::string& answer);

}  // namespace icws::support
