// The URL parser on any bytes: no crash, and what it takes is as harmless as it promises.
#include <cstdint>
#include <cstdlib>

#include "ws/url.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_url(const icws::ws::Url& url) {
  require(!url.host.empty() && url.port != 0 && url.target.starts_with('/'));
  for (const std::string* part : {&url.host, &url.target, &url.host_header}) {
    for (const char c : *part) require(c > ' ' && c <= '~' && c != '#');
  }
  require(url.host.find_first_of("@%/?[]ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos);
  // Written out again, it is the same URL.
  const auto again = icws::ws::parse_url((url.secure ? "wss://" : "ws://") + url.host_header + url.target);
  require(again.has_value() && *again == url);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto url = icws::ws::parse_url({reinterpret_cast<const char*>(data), size});
  if (url) {
    check_url(*url);
  } else {
    require(!url.error().message.empty() && url.error().message.size() <= 300);
    for (const char c : url.error().message) require(c >= ' ' && c <= '~');
  }
  return 0;
}
