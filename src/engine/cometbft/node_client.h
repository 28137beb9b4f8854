// The node's own RPC, as far as a replica and its tools need it: JSON-RPC over HTTP/1.1.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/time.h"

namespace icws::engine {

// What: one connection that is kept, and made anew when it breaks. Thread-safety: none. Errors: a sentence;
// every call returns within `timeout` and a little.
class NodeClient {
 public:
  // `address`: host:port of the node's RPC, on this machine.
  explicit NodeClient(std::string address);
  ~NodeClient();
  NodeClient(const NodeClient&) = delete;
  NodeClient& operator=(const NodeClient&) = delete;

  // The answer's "result".
  std::expected<boost::json::value, std::string> call(const std::string& method, boost::json::object params,
                                                      Milliseconds timeout);

  // One HTTP request with this body; the body of the answer.
  std::expected<std::string, std::string> post(std::string body, Milliseconds timeout);

  enum class Broadcast : uint8_t {
    Taken = 1,  // waits in the mempool
    Known,      // came before: it waits, or ran
    Refused,    // CheckTx said no
    Full,       // no room in the mempool now
  };
  std::expected<Broadcast, std::string> broadcast(BytesView transaction, Milliseconds timeout);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::engine
