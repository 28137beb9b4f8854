// The opening handshake on a connected stream.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "adapter/failure.h"
#include "adapter/stream.h"
#include "adapter/watchdog.h"
#include "base/bytes.h"
#include "replica/adapter_port.h"
#include "ws/handshake.h"

namespace icws::adapter {

// What servers and proxies commonly keep to; a handshake's answer has a dozen short lines.
struct ResponseLimits {
  size_t line_bytes_max = 8 * 1024;
  size_t lines_max = 128;
  size_t header_bytes_max = 32 * 1024;
  // What cannot be a response is told by it.
  BytesView begins = "HTTP/1.1 ";
};

// What: collects an HTTP response up to the end of its header, and refuses it as soon as it cannot be one: by
// its first bytes, a line too long, or too many of them. The body is never read.
// Thread-safety: none. After a failure: nothing more.
class ResponseHead {
 public:
  explicit ResponseHead(ResponseLimits limits = {}) : limits_(limits) {}

  // How many of `input`'s bytes belong to the header; all, until done(). Errors: a sentence.
  std::expected<size_t, std::string> feed(BytesView input);
  bool done() const { return done_; }
  BytesView text() const { return text_; }

 private:
  std::optional<std::string> fault() const;

  ResponseLimits limits_;
  Bytes text_;
  size_t lines_ = 0;
  size_t line_begin_ = 0;
  bool done_ = false;
};

struct Upgraded {
  std::string subprotocol;
  // Of the asked-for ones, in the order of the response.
  std::vector<replica::Header> headers;
  // Nothing: no compression.
  std::optional<ws::DeflateParameters> deflate;
  // What the server sent behind the header.
  Bytes leftover;
};

// Judges a whole response header. `wanted`: lower-case names.
std::expected<Upgraded, Failure> judge_response(BytesView head, const ws::UpgradeRequest& request,
                                                const std::vector<std::string>& wanted);

// Sends the request and reads the answer. Errors: Handshake, Timeout; Connection (transient) if the server
// ends the connection first.
boost::asio::awaitable<std::expected<Upgraded, Failure>> upgrade(Stream& stream,
                                                                 const ws::UpgradeRequest& request,
                                                                 const std::vector<std::string>& wanted,
                                                                 Milliseconds timeout, Watchdog& watchdog);

}  // namespace icws::adapter
