#include <boost/asio/ip/address.hpp>
#include <utility>

#include "adapter/proxy_handshake.h"

namespace icws::adapter {
namespace {

namespace ip = boost::asio::ip;
using transcript::Cause;

constexpr char kVersion = 5;
constexpr char kMethodNone = 0;
constexpr char kMethodPassword = 2;
constexpr char kMethodsRefused = '\xff';
constexpr char kPasswordVersion = 1;
constexpr char kCommandConnect = 1;
constexpr char kTypeV4 = 1;
constexpr char kTypeName = 3;
constexpr char kTypeV6 = 4;
// Version, reply, reserved, type.
constexpr size_t kReplyHeadBytes = 4;
constexpr size_t kPortBytes = 2;

Bytes address_bytes(const ProxyTarget& target) {
  if (!target.is_literal) {
    // A URL's host has at most 253 bytes.
    return Bytes{kTypeName, static_cast<char>(target.host.size())} + target.host;
  }
  const auto address = ip::make_address(target.host);
  if (address.is_v4()) {
    const auto bytes = address.to_v4().to_bytes();
    return Bytes{kTypeV4} + Bytes(bytes.begin(), bytes.end());
  }
  const auto bytes = address.to_v6().to_bytes();
  return Bytes{kTypeV6} + Bytes(bytes.begin(), bytes.end());
}

// RFC 1928, section 6. General failures and unreachable networks may pass.
Failure reply_failure(uint8_t reply) {
  switch (reply) {
    case 1:
      return {Cause::Connection, "the proxy failed", true};
    case 2:
      return {Cause::Connection, "the proxy's rules do not allow the server", false};
    case 3:
      return {Cause::Connection, "the proxy cannot reach the server's network", true};
    case 4:
      return {Cause::Connection, "the proxy cannot reach the server", true};
    case 5:
      return {Cause::ConnectionRefused, "the server refused the proxy's connection", true};
    case 6:
      return {Cause::Timeout, "the proxy's packets did not reach the server in time", true};
    default:
      return {Cause::Connection, "the proxy answered with the error " + std::to_string(reply), false};
  }
}

class Socks5Handshake final : public ProxyHandshake {
 public:
  Socks5Handshake(ProxyAddress proxy, ProxyTarget target)
      : proxy_(std::move(proxy)), target_(std::move(target)) {
    output_ = proxy_.user.empty() ? Bytes{kVersion, 1, kMethodNone}
                                  : Bytes{kVersion, 2, kMethodNone, kMethodPassword};
  }

  std::optional<Failure> feed(BytesView input) override {
    input_ += input;
    while (!done_) {
      const size_t needed = message_bytes();
      if (input_.size() < needed) return std::nullopt;
      const Bytes message = input_.substr(0, needed);
      input_.erase(0, needed);
      if (auto failure = take(message)) return failure;
      if (!output_.empty() && !input_.empty()) return broken("answered before it was asked");
    }
    if (input_.empty()) return std::nullopt;
    return broken("sent bytes behind its answer");
  }

 private:
  enum class State : uint8_t { kMethod, kPassword, kReply };

  // Of what is to come, as far as its beginning tells.
  size_t message_bytes() const {
    if (state_ != State::kReply) return 2;
    if (input_.size() <= kReplyHeadBytes) return kReplyHeadBytes + 1;
    switch (input_[3]) {
      case kTypeV4:
        return kReplyHeadBytes + 4 + kPortBytes;
      case kTypeV6:
        return kReplyHeadBytes + 16 + kPortBytes;
      case kTypeName:
        return kReplyHeadBytes + 1 + static_cast<uint8_t>(input_[4]) + kPortBytes;
      default:
        // take() refuses it.
        return kReplyHeadBytes + 1;
    }
  }

  std::optional<Failure> take(const Bytes& message) {
    switch (state_) {
      case State::kMethod:
        return take_method(message);
      case State::kPassword:
        if (message[0] != kPasswordVersion) return broken("is not RFC 1929");
        if (message[1] != 0) return broken("refused the user or the password");
        request();
        return std::nullopt;
      case State::kReply:
        return take_reply(message);
    }
    return std::nullopt;
  }

  std::optional<Failure> take_method(const Bytes& message) {
    if (message[0] != kVersion) return broken("is not SOCKS5");
    if (message[1] == kMethodsRefused) {
      return broken(proxy_.user.empty() ? "wants a user and a password" : "refused all ways to log in");
    }
    if (message[1] == kMethodNone) {
      request();
      return std::nullopt;
    }
    if (message[1] != kMethodPassword || proxy_.user.empty()) return broken("chose a method not offered");
    output_ = Bytes{kPasswordVersion, static_cast<char>(proxy_.user.size())} + proxy_.user +
              Bytes{static_cast<char>(proxy_.password.size())} + proxy_.password;
    state_ = State::kPassword;
    return std::nullopt;
  }

  void request() {
    output_ = Bytes{kVersion, kCommandConnect, 0} + address_bytes(target_) +
              Bytes{static_cast<char>(target_.port >> 8), static_cast<char>(target_.port & 0xff)};
    state_ = State::kReply;
  }

  std::optional<Failure> take_reply(const Bytes& message) {
    if (message[0] != kVersion) return broken("is not SOCKS5");
    if (message[1] != 0) return reply_failure(static_cast<uint8_t>(message[1]));
    const char type = message[3];
    if (type != kTypeV4 && type != kTypeV6 && type != kTypeName) return broken("is not SOCKS5");
    done_ = true;
    return std::nullopt;
  }

  static Failure broken(std::string_view what) {
    return {Cause::Connection, "the proxy " + std::string(what), false};
  }

  const ProxyAddress proxy_;
  const ProxyTarget target_;
  State state_ = State::kMethod;
  Bytes input_;
};

}  // namespace

std::unique_ptr<ProxyHandshake> make_socks5_handshake(const ProxyAddress& proxy, const ProxyTarget& target) {
  return std::make_unique<Socks5Handshake>(proxy, target);
}

}  // namespace icws::adapter
