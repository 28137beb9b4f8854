// HTTP CONNECT. The answer's header goes through ResponseHead's limits; its status line is all that counts,
// since a successful answer has no body (RFC 9110, section 9.3.6).
#include <openssl/evp.h>

#include <charconv>
#include <utility>

#include "adapter/proxy_handshake.h"
#include "adapter/upgrade.h"

namespace icws::adapter {
namespace {

using transcript::Cause;

// "HTTP/1.1 ".
constexpr size_t kStatusBegin = 9;
constexpr size_t kStatusDigits = 3;

// Proxies commonly answer with HTTP/1.0.
ResponseLimits answer_limits() {
  ResponseLimits out;
  out.begins = "HTTP/1.";
  return out;
}

std::string base64(BytesView bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

// Statuses that say what a direct connection would have said are told apart (RFC 9209 would say more, and few
// proxies speak it).
Failure status_failure(int status) {
  const std::string answered = "the proxy answered with the status " + std::to_string(status);
  switch (status) {
    case 407:
      return {Cause::Connection, "the proxy wants another user or password", false};
    case 502:
    case 503:
      return {Cause::Connection, answered, true};
    case 504:
      return {Cause::Timeout, answered, true};
    default:
      return {Cause::Connection, answered, false};
  }
}

class ConnectHandshake final : public ProxyHandshake {
 public:
  ConnectHandshake(const ProxyAddress& proxy, const ProxyTarget& target) {
    const bool brackets = target.is_literal && target.host.contains(':');
    const std::string host = brackets ? "[" + target.host + "]" : target.host;
    const std::string authority = host + ":" + std::to_string(target.port);
    output_ = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
    if (!proxy.user.empty()) {
      output_ += "Proxy-Authorization: Basic " + base64(proxy.user + ":" + proxy.password) + "\r\n";
    }
    output_ += "\r\n";
  }

  std::optional<Failure> feed(BytesView input) override {
    const auto used = head_.feed(input);
    if (!used) return Failure{Cause::Connection, "the proxy: " + used.error(), false};
    if (!head_.done()) return std::nullopt;
    const auto digits = head_.text().substr(kStatusBegin, kStatusDigits);
    int status = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
    if (error != std::errc() || end != digits.data() + kStatusDigits || status < 100) {
      return Failure{Cause::Connection, "the proxy's answer is not HTTP", false};
    }
    if (status < 200 || status > 299) return status_failure(status);
    if (*used != input.size()) {
      return Failure{Cause::Connection, "the proxy sent bytes behind its answer", false};
    }
    done_ = true;
    return std::nullopt;
  }

 private:
  ResponseHead head_{answer_limits()};
};

}  // namespace

std::unique_ptr<ProxyHandshake> make_connect_handshake(const ProxyAddress& proxy, const ProxyTarget& target) {
  return std::make_unique<ConnectHandshake>(proxy, target);
}

}  // namespace icws::adapter
