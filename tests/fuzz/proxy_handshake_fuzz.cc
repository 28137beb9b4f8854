// Both proxies' answers, any bytes in any pieces: no crash, an end within the limits, and the same end
// however the bytes are cut. The first byte chooses: bit 0 the protocol, bit 1 whether there is a password,
// the rest the pieces' size.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "adapter/proxy_handshake.h"

namespace {

using namespace icws::adapter;

// The longest answers of a proxy that keeps to its limits.
constexpr size_t kAnswerBytesMax = 64 * 1024;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  bool done = false;
  std::string failure;
  size_t sent = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome run(uint8_t choice, icws::BytesView input, size_t piece) {
  ProxyAddress proxy;
  proxy.kind = (choice & 1) != 0 ? ProxyKind::kConnect : ProxyKind::kSocks5;
  proxy.host = "proxy.example";
  proxy.port = 1080;
  if ((choice & 2) != 0) {
    proxy.user = "user";
    proxy.password = "password";
  }
  const auto handshake = make_proxy_handshake(proxy, {"api.example.com", false, 443});
  Outcome out;
  out.sent = handshake->output().size();
  require(out.sent > 0);
  size_t taken = 0;
  while (taken < input.size() && !handshake->done()) {
    const auto failure = handshake->feed(input.substr(taken, piece));
    taken += std::min(piece, input.size() - taken);
    if (failure) {
      require(!failure->detail.empty() && failure->detail.find("password\r") == std::string::npos);
      out.failure = failure->detail;
      return out;
    }
    out.sent += handshake->output().size();
    require(handshake->done() || taken <= kAnswerBytesMax);
  }
  out.done = handshake->done();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const icws::BytesView input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto bytewise = run(data[0], input, 1);
  const auto pieces = run(data[0], input, 1 + (data[0] >> 2));
  // A proxy that speaks out of turn is found out by pieces only.
  const auto out_of_turn = [&](const char* what) { return pieces.failure.find(what) != std::string::npos; };
  if (!out_of_turn("before it was asked") && !out_of_turn("bytes behind")) require(bytewise == pieces);
  return 0;
}
