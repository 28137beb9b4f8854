// A blocking WebSocket client on Boost.Beast, to test the test servers with.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace icws::support {

// What: one connection to 127.0.0.1. Thread-safety: none. Errors: the constructor throws std::runtime_error
// if the connection cannot be opened; read() is empty at the end, and close_code() then tells how it came.
class BeastClient {
 public:
  // `authority_pem`, if not empty: TLS, the server must have a certificate of this authority for "localhost".
  BeastClient(uint16_t port, const std::string& target, const std::string& authority_pem = {},
              const std::string& subprotocol = {});
  ~BeastClient();

  void send(BytesView text);
  std::optional<Bytes> read();
  // 0 if the connection ended without a Close frame.
  uint16_t close_code() const;
  std::string subprotocol() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::support
