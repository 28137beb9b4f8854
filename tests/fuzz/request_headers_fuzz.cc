// What a canister puts into the handshake, on any bytes: fields that are taken cannot end a line, name
// another field, or take the handshake over. The input's lines are "name:value" fields, and subprotocols
// where there is no colon.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "ws/handshake.h"
#include "ws/request_headers.h"

namespace {

using icws::Bytes;
using icws::BytesView;

void require(bool condition) {
  if (!condition) std::abort();
}

void check_message(const icws::ws::HeaderFailure& failure, size_t count) {
  require(failure.index < count && !failure.message.empty() && failure.message.size() <= 300);
  for (const char c : failure.message) require(c >= ' ' && c <= '~');
}

size_t count(BytesView text, BytesView part) {
  size_t out = 0;
  for (size_t at = text.find(part); at != BytesView::npos; at = text.find(part, at + 1)) ++out;
  return out;
}

// A request of taken fields has one line for each, and one empty one, at its end.
void check_request(const icws::ws::UpgradeRequest& request) {
  const Bytes text = icws::ws::build_request(request);
  const size_t own_lines = 6 + (request.subprotocols.empty() ? 0 : 1);
  require(count(text, "\r\n") == own_lines + request.headers.size() + 1);
  require(count(text, "\n") == count(text, "\r\n") && count(text, "\r") == count(text, "\r\n"));
  require(text.find("\r\n\r\n") == text.size() - 4 && text.find('\0') == Bytes::npos);
  require(count(text, "\r\nHost: ") == 1 && count(text, "\r\nSec-WebSocket-Key: ") == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  icws::ws::UpgradeRequest request;
  request.target = "/";
  request.host_header = "localhost";
  request.key = "dGhlIHNhbXBsZSBub25jZQ==";
  BytesView rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    // A final byte of 0xFF, which no text has, so that lines may hold CR and LF.
    const BytesView line = rest.substr(0, rest.find('\xff'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const size_t colon = line.find(':');
    if (colon == BytesView::npos) {
      request.subprotocols.emplace_back(line);
    } else {
      request.headers.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))});
    }
  }
  const auto headers = icws::ws::check_headers(request.headers);
  const auto subprotocols = icws::ws::check_subprotocols(request.subprotocols);
  if (!headers) check_message(headers.error(), request.headers.size());
  if (!subprotocols) check_message(subprotocols.error(), request.subprotocols.size());
  if (headers && subprotocols) check_request(request);
  return 0;
}
