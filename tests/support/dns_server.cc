#include "tests/support/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <system_error>
#include <thread>

namespace icws::support {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kHeaderBytes = 12;
constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypeAaaa = 28;

void put16(std::string& out, unsigned value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}

struct Question {
  std::string name;
  uint16_t type = 0;
  // With the name, type and class, as it came.
  std::string bytes;
};

// The first question of a message; empty if it is none.
std::optional<Question> parse(const std::string& message) {
  Question out;
  size_t at = kHeaderBytes;
  while (at < message.size() && message[at] != 0) {
    const auto size = static_cast<uint8_t>(message[at]);
    if (size > 63 || at + 1 + size >= message.size()) return std::nullopt;
    out.name += (out.name.empty() ? "" : ".") + message.substr(at + 1, size);
    at += 1 + size;
  }
  if (at + 5 > message.size()) return std::nullopt;
  out.type = static_cast<uint16_t>((static_cast<uint8_t>(message[at + 1]) << 8) |
                                   static_cast<uint8_t>(message[at + 2]));
  out.bytes = message.substr(kHeaderBytes, at + 5 - kHeaderBytes);
  return out;
}

std::string address_bytes(const std::string& text, uint16_t type) {
  std::array<char, 16> bytes{};
  ::inet_pton(type == kTypeA ? AF_INET : AF_INET6, text.c_str(), bytes.data());
  return {bytes.data(), type == kTypeA ? 4U : 16U};
}

std::string build(const std::string& message, const Question& question, const DnsAnswer& answer) {
  std::string out = message.substr(0, 2);
  // Response, recursion desired and available.
  put16(out, 0x8180U | answer.code);
  put16(out, 1);
  put16(out, static_cast<unsigned>(answer.addresses.size()));
  put16(out, 0);
  put16(out, 0);
  out += question.bytes;
  for (const auto& text : answer.addresses) {
    const std::string bytes = address_bytes(text, question.type);
    put16(out, 0xc000U | kHeaderBytes);
    put16(out, question.type);
    put16(out, 1);
    put16(out, 0);
    put16(out, 60);
    put16(out, static_cast<unsigned>(bytes.size()));
    out += bytes;
  }
  return out;
}

}  // namespace

class DnsServer::Impl {
 public:
  explicit Impl(std::vector<DnsZone> zones) : zones_(std::move(zones)) {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (socket_ < 0 || stop_ < 0 ||
        ::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::system_error(errno, std::generic_category(), "cannot listen for DNS");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() {
    const uint64_t one = 1;
    (void)!::write(stop_, &one, sizeof one);
    thread_.join();
    ::close(socket_);
    ::close(stop_);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  const Watched<DnsProgress>& progress() const { return progress_; }

 private:
  struct Late {
    std::string message;
    sockaddr_in to;
  };

  void run() {
    while (true) {
      pollfd waits[] = {{socket_, POLLIN, 0}, {stop_, POLLIN, 0}};
      ::poll(waits, 2, wait_milliseconds());
      if (waits[1].revents != 0) return;
      const auto now = Clock::now();
      while (!late_.empty() && late_.begin()->first <= now) {
        send(late_.begin()->second.message, late_.begin()->second.to);
        late_.erase(late_.begin());
      }
      while (receive()) {
      }
    }
  }

  int wait_milliseconds() const {
    if (late_.empty()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(late_.begin()->first - Clock::now());
    return static_cast<int>(std::max<int64_t>(0, left.count()));
  }

  bool receive() {
    std::array<char, 1500> buffer;
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(socket_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) return false;
    const std::string message(buffer.data(), static_cast<size_t>(got));
    if (message.size() < kHeaderBytes) return true;
    if (const auto question = parse(message)) answer(message, *question, from);
    return true;
  }

  void answer(const std::string& message, const Question& question, const sockaddr_in& from) {
    progress_.update([&](DnsProgress& progress) {
      ++progress.questions;
      progress.names.push_back(question.name);
      progress.ports.push_back(ntohs(from.sin_port));
    });
    const auto zone = std::ranges::find(zones_, question.name, &DnsZone::name);
    DnsAnswer said;
    said.code = 3;
    if (zone != zones_.end()) said = question.type == kTypeAaaa ? zone->v6 : zone->v4;
    if (said.silent) return;
    if (said.forged_first) {
      std::string forged = build(message, question, {{question.type == kTypeA ? "127.0.0.9" : "::9"}});
      forged[0] = static_cast<char>(forged[0] ^ 1);
      send(forged, from);
    }
    late_.emplace(Clock::now() + said.delay, Late{build(message, question, said), from});
  }

  void send(const std::string& message, const sockaddr_in& to) const {
    ::sendto(socket_, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }

  const std::vector<DnsZone> zones_;
  int socket_ = -1;
  int stop_ = -1;
  uint16_t port_ = 0;
  std::multimap<Clock::time_point, Late> late_;
  Watched<DnsProgress> progress_;
  std::thread thread_;
};

DnsServer::DnsServer(std::vector<DnsZone> zones) : impl_(std::make_unique<Impl>(std::move(zones))) {}
DnsServer::~DnsServer() = default;
std::string DnsServer::address() const { return impl_->address(); }
const Watched<DnsProgress>& DnsServer::progress() const { return impl_->progress(); }

}  // namespace icws::support
