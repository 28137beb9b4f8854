#include "tests/support/proxy_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <string_view>
#include <system_error>

#include "tests/support/connection_threads.h"

namespace icws::support {
namespace {

using namespace std::string_literals;

sockaddr_in ipv4(const std::string& address, uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  ::inet_pton(AF_INET, address.c_str(), &out.sin_addr);
  return out;
}

// What: one client and, once it is connected, its server. The destructor of the proxy shuts both down under
// the lock that guards their numbers.
class Served final : public ConnectionThreads::Served {
 public:
  Served(int client, const ProxyOptions& options, Watched<ProxyProgress>& progress)
      : options_(options), progress_(progress), client_(client) {
    const int on = 1;
    ::setsockopt(client_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Served() override {
    ::close(client_);
    if (server_ >= 0) ::close(server_);
  }

  void run() override {
    serve();
    interrupt();
  }

  void interrupt() override {
    const std::lock_guard lock(mutex_);
    ::shutdown(client_, SHUT_RDWR);
    if (server_ >= 0) ::shutdown(server_, SHUT_RDWR);
  }

 private:
  void serve() {
    const auto target = options_.socks ? socks() : connect_request();
    if (!target) return;
    progress_.update([&](ProxyProgress& progress) { progress.targets.push_back(*target); });
    if (!answer(*target)) return;
    if (server_ >= 0) relay();
  }

  static bool send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  bool say(std::string_view bytes) const {
    if (options_.conduct != ProxyConduct::kByteByByte) return send_all(client_, bytes);
    for (const char& byte : bytes) {
      if (!send_all(client_, std::string_view(&byte, 1))) return false;
    }
    return true;
  }

  std::optional<std::string> read(size_t size) const {
    std::string out(size, '\0');
    for (size_t got = 0; got < size;) {
      const ssize_t more = ::recv(client_, out.data() + got, size - got, 0);
      if (more <= 0) return std::nullopt;
      got += static_cast<size_t>(more);
    }
    return out;
  }

  void drain() const {
    std::array<char, 4096> buffer;
    while (::recv(client_, buffer.data(), buffer.size(), 0) > 0) {
    }
  }

  // The target; empty if there is nothing more to say.
  std::optional<std::string> socks() {
    if (!begin()) return std::nullopt;
    const auto head = read(2);
    if (!head || (*head)[0] != 5) return std::nullopt;
    const auto methods = read(static_cast<uint8_t>((*head)[1]));
    if (!methods || !log_in(*methods)) return std::nullopt;
    const auto request = read(4);
    if (!request) return std::nullopt;
    std::string host;
    if ((*request)[3] == 3) {
      const auto size = read(1);
      const auto name = size ? read(static_cast<uint8_t>((*size)[0])) : std::nullopt;
      if (!name) return std::nullopt;
      host = *name;
    } else {
      const bool v4 = (*request)[3] == 1;
      const auto bytes = read(v4 ? 4 : 16);
      std::array<char, INET6_ADDRSTRLEN> text{};
      if (!bytes || !::inet_ntop(v4 ? AF_INET : AF_INET6, bytes->data(), text.data(), text.size())) {
        return std::nullopt;
      }
      host = text.data();
    }
    const auto port = read(2);
    if (!port) return std::nullopt;
    return host + ":" +
           std::to_string((static_cast<uint8_t>((*port)[0]) << 8) | static_cast<uint8_t>((*port)[1]));
  }

  bool log_in(const std::string& methods) {
    if (options_.user.empty()) return say("\x05\x00"s);
    if (!methods.contains('\x02')) {
      say("\x05\xff"s);
      drain();
      return false;
    }
    if (!say("\x05\x02"s)) return false;
    const auto head = read(2);
    const auto user = head ? read(static_cast<uint8_t>((*head)[1])) : std::nullopt;
    const auto size = user ? read(1) : std::nullopt;
    const auto password = size ? read(static_cast<uint8_t>((*size)[0])) : std::nullopt;
    const bool right = password && *user == options_.user && *password == options_.password;
    say(right ? "\x01\x00"s : "\x01\x01"s);
    if (!right) drain();
    return right;
  }

  std::optional<std::string> connect_request() {
    if (!begin()) return std::nullopt;
    std::string request;
    while (!request.ends_with("\r\n\r\n")) {
      const auto byte = read(1);
      if (!byte) return std::nullopt;
      request += *byte;
    }
    if (!options_.user.empty() && !request.contains("Proxy-Authorization: Basic ")) {
      say("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      drain();
      return std::nullopt;
    }
    const size_t space = request.find(' ');
    return request.substr(space + 1, request.find(' ', space + 1) - space - 1);
  }

  // False: this proxy says nothing sensible.
  bool begin() {
    switch (options_.conduct) {
      case ProxyConduct::kSilent:
        drain();
        return false;
      case ProxyConduct::kGarbage:
        say("220 mail.example ESMTP\r\n");
        drain();
        return false;
      case ProxyConduct::kEndless:
        while (say(options_.socks ? "\x05\x00\x00\x00"s : "HTTP/1.1 200 OK\r\nX: y\r\n"s)) {
        }
        return false;
      case ProxyConduct::kEndsEarly:
        say(options_.socks ? "\x05"s : "HTTP/1.1 20"s);
        return false;
      default:
        return true;
    }
  }

  bool answer(const std::string& target) {
    if (options_.conduct == ProxyConduct::kRefuses) return refuse("\x02", "403 Forbidden");
    const bool reached = options_.conduct != ProxyConduct::kUnreachable && reach(target);
    if (!reached) return refuse("\x04", "502 Bad Gateway");
    std::string granted = options_.socks ? "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x01"s
                                         : "HTTP/1.1 200 Connection established\r\n\r\n"s;
    if (options_.conduct == ProxyConduct::kSpeaksBehind) granted += "hello";
    return say(granted);
  }

  bool refuse(const std::string& reply, const std::string& status) {
    say(options_.socks ? "\x05"s + reply + "\x00\x01\x00\x00\x00\x00\x00\x00"s
                       : "HTTP/1.1 " + status + "\r\n\r\n");
    drain();
    return false;
  }

  bool reach(const std::string& target) {
    const auto named = options_.names.find(target);
    const size_t colon = target.rfind(':');
    const auto address =
        named != options_.names.end()
            ? ipv4("127.0.0.1", named->second)
            : ipv4(target.substr(0, colon), static_cast<uint16_t>(std::stoul(target.substr(colon + 1))));
    if (address.sin_addr.s_addr == 0) return false;
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      ::close(socket);
      return false;
    }
    const std::lock_guard lock(mutex_);
    server_ = socket;
    return true;
  }

  void relay() const {
    std::array<char, 16'384> buffer;
    pollfd waits[] = {{client_, POLLIN, 0}, {server_, POLLIN, 0}};
    while (true) {
      ::poll(waits, 2, -1);
      for (int i = 0; i < 2; ++i) {
        if (waits[i].revents == 0) continue;
        const ssize_t got = ::recv(waits[i].fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) return;
        if (!send_all(waits[1 - i].fd, std::string_view(buffer.data(), static_cast<size_t>(got)))) return;
      }
    }
  }

  const ProxyOptions& options_;
  Watched<ProxyProgress>& progress_;
  std::mutex mutex_;
  const int client_;
  int server_ = -1;
};

}  // namespace

class ProxyServer::Impl {
 public:
  explicit Impl(ProxyOptions options)
      : options_(std::move(options)), threads_(options_.listen, [this](int client, const Event&) {
          progress_.update([](ProxyProgress& progress) { ++progress.accepted; });
          return std::make_unique<Served>(client, options_, progress_);
        }) {}

  uint16_t port() const { return threads_.port(); }
  std::string url() const {
    const std::string credentials =
        options_.user.empty() ? "" : options_.user + ":" + options_.password + "@";
    return (options_.socks ? "socks5h://" : "http://") + credentials + options_.listen + ":" +
           std::to_string(port());
  }
  const Watched<ProxyProgress>& progress() const { return progress_; }

 private:
  const ProxyOptions options_;
  Watched<ProxyProgress> progress_;
  ConnectionThreads threads_;
};

ProxyServer::ProxyServer(ProxyOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
ProxyServer::~ProxyServer() = default;
uint16_t ProxyServer::port() const { return impl_->port(); }
std::string ProxyServer::url() const { return impl_->url(); }
const Watched<ProxyProgress>& ProxyServer::progress() const { return impl_->progress(); }

}  // namespace icws::support
