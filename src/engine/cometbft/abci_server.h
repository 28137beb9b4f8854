// The socket that a node connects to.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "engine/cometbft/abci_application.h"

namespace icws::engine {

struct AbciServerConfig {
  // A Unix socket; one that a dead process left behind is removed.
  std::filesystem::path socket;
  // A node opens four connections. Twice that, so that a node's next life need not wait for the last one's
  // end.
  size_t connections_max = 8;
  // For a message that has begun to arrive whole, and for an answer to be taken: the node is on this machine.
  Milliseconds message_timeout{30'000};
};

// What: accepts a node's connections and answers requests, each connection in its order. Broken framing, a
// message that does not decode, and an exception of the application end the connection, with an exception for
// the node where it can still read one; the node then ends itself. Thread-safety: construction and
// destruction from one thread. Ownership: owns its threads; the destructor stops them. `application` outlives
// it. Errors: construction throws std::runtime_error if it cannot listen.
class AbciServer {
 public:
  // `ended`: a connection was closed, and why. Called on a thread of the server.
  using Ended = std::function<void(const std::string& why)>;
  AbciServer(AbciServerConfig config, AbciApplication& application, Ended ended);
  ~AbciServer();
  AbciServer(const AbciServer&) = delete;
  AbciServer& operator=(const AbciServer&) = delete;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::engine
