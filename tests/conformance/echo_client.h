// The adapter's own connections, without gRPC, as a client that returns every message to its server.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "transcript/cause.h"

namespace icws::conformance {

// How a connection went.
struct Outcome {
  // None: the server was not reached.
  bool opened = false;
  transcript::Cause cause = transcript::Cause::Adapter;
  std::string detail;
  // The first one of the server.
  std::optional<Bytes> message;
};

// What: ConnectionTable, Connector and EventHub in one process, with limits raised for the largest cases of
// Autobahn's group 9 (16 MiB a message). Everything else is as the adapter runs: the same reader, writer,
// queue and hub.
// Thread-safety: none; everything happens within run(). Ownership: owns all.
// Errors: construction throws std::runtime_error.
class EchoClient {
 public:
  EchoClient();
  ~EchoClient();

  // One connection from its open to its end. Nothing: it did not end within `deadline`, and was cut.
  std::optional<Outcome> run(const std::string& url, std::chrono::milliseconds deadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::conformance
