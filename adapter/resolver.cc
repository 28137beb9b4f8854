#include "adapter/resolver.h"

#include <ares.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "adapter/turn_queue.h"
#include "ws/url.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using transcript::Cause;

// Questions of one family, the first included.
constexpr int kTries = 3;

std::vector<asio::ip::address> addresses_of(const ares_addrinfo& found) {
  std::vector<asio::ip::address> out;
  for (const auto* node = found.nodes; node; node = node->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (node->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), node->ai_addr, node->ai_addrlen);
    if (std::ranges::find(out, endpoint.address()) == out.end()) out.push_back(endpoint.address());
  }
  return out;
}

Failure failure_of(int status, const std::string& host) {
  if (status == ARES_ETIMEOUT) {
    return {Cause::Timeout, "looking up \"" + host + "\" took too long", true, Limit::kDnsTimeout};
  }
  const bool known = status == ARES_ENOTFOUND || status == ARES_ENODATA;
  return {Cause::NameResolution, "\"" + host + "\" does not resolve: " + ares_strerror(status), !known};
}

// RFC 6761, section 6.3: never a question for DNS.
bool is_this_machine(const std::string& host) { return host == "localhost"; }

asio::ip::address loopback(Family family) {
  if (family == Family::kV6) return asio::ip::address_v6::loopback();
  return asio::ip::address_v4::loopback();
}

std::string join(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ",") + text;
  return out;
}

// What: one name's questions. c-ares calls back from inside the calls of this class only, and answers are
// posted: nobody's code runs inside c-ares.
// Ownership: handlers of waits share it; close() ends them all.
class Channel {
 public:
  using Done = std::function<void(Family, Addresses)>;

  Channel(asio::any_io_executor executor, std::string host, Done done)
      : executor_(std::move(executor)), host_(std::move(host)), done_(std::move(done)), timer_(executor_) {}
  ~Channel() { close(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // False: c-ares cannot (out of memory, a server that is none).
  bool open(const DnsSettings& settings) {
    ares_options options{};
    options.timeout = static_cast<int>(settings.retry_after.count());
    options.tries = kTries;
    options.ndomains = 0;
    options.sock_state_cb = [](void* self, ares_socket_t socket, int read, int write) {
      static_cast<Channel*>(self)->watch(socket, read != 0, write != 0);
    };
    options.sock_state_cb_data = this;
    const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_DOMAINS | ARES_OPT_SOCK_STATE_CB;
    if (ares_init_options(&channel_, &options, mask) != ARES_SUCCESS) return false;
    if (settings.servers.empty()) return true;
    return ares_set_servers_ports_csv(channel_, join(settings.servers).c_str()) == ARES_SUCCESS;
  }

  static void ask(const std::shared_ptr<Channel>& self) {
    self->self_ = self;
    for (const Family family : kFamilies) {
      ares_addrinfo_hints hints{};
      hints.ai_family = family == Family::kV6 ? AF_INET6 : AF_INET;
      hints.ai_socktype = SOCK_STREAM;
      ares_getaddrinfo(self->channel_, self->host_.c_str(), nullptr, &hints,
                       family == Family::kV6 ? on_answer<Family::kV6> : on_answer<Family::kV4>, self.get());
    }
    self->arm();
  }

  void close() {
    if (!channel_) return;
    closed_ = true;
    timer_.cancel();
    ares_destroy(std::exchange(channel_, nullptr));
    sockets_.clear();
  }

 private:
  // c-ares owns the socket: it is given back before c-ares closes it.
  struct Socket {
    explicit Socket(const asio::any_io_executor& executor, int number) : descriptor(executor, number) {}
    ~Socket() { descriptor.release(); }
    asio::posix::stream_descriptor descriptor;
    bool read = false;
    bool write = false;
    bool read_waits = false;
    bool write_waits = false;
  };

  template <Family family>
  static void on_answer(void* arg, int status, int, ares_addrinfo* found) {
    auto* channel = static_cast<Channel*>(arg);
    Addresses answer;
    if (status == ARES_SUCCESS && found) {
      answer = addresses_of(*found);
    } else {
      answer = std::unexpected(failure_of(status, channel->host_));
    }
    if (found) ares_freeaddrinfo(found);
    if (channel->closed_) return;
    asio::post(channel->executor_, [self = channel->self_.lock(), answer = std::move(answer)]() mutable {
      if (self && !self->closed_) self->done_(family, std::move(answer));
    });
  }

  void watch(ares_socket_t number, bool read, bool write) {
    if (!read && !write) {
      sockets_.erase(number);
      return;
    }
    auto& socket = sockets_[number];
    if (!socket) socket = std::make_shared<Socket>(executor_, number);
    socket->read = read;
    socket->write = write;
    wait(number, socket);
  }

  void wait(ares_socket_t number, const std::shared_ptr<Socket>& socket) {
    if (socket->read && !std::exchange(socket->read_waits, true)) {
      socket->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                    [self = self_.lock(), number,
                                     weak = std::weak_ptr(socket)](const boost::system::error_code& error) {
                                      if (const auto same = weak.lock()) same->read_waits = false;
                                      if (self) self->ready(error, weak, number, ARES_SOCKET_BAD);
                                    });
    }
    if (socket->write && !std::exchange(socket->write_waits, true)) {
      socket->descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                                    [self = self_.lock(), number,
                                     weak = std::weak_ptr(socket)](const boost::system::error_code& error) {
                                      if (const auto same = weak.lock()) same->write_waits = false;
                                      if (self) self->ready(error, weak, ARES_SOCKET_BAD, number);
                                    });
    }
  }

  void ready(const boost::system::error_code& error, const std::weak_ptr<Socket>& weak, ares_socket_t read,
             ares_socket_t write) {
    // Gone, and the number may be another's by now.
    if (closed_ || error || weak.expired()) return;
    ares_process_fd(channel_, read, write);
    if (const auto socket = weak.lock()) wait(read == ARES_SOCKET_BAD ? write : read, socket);
    arm();
  }

  // For c-ares's own next deadline.
  void arm() {
    timeval next{};
    if (!ares_timeout(channel_, nullptr, &next)) {
      timer_.cancel();
      return;
    }
    timer_.expires_after(std::chrono::seconds(next.tv_sec) + std::chrono::microseconds(next.tv_usec));
    timer_.async_wait([self = self_.lock()](const boost::system::error_code& error) {
      if (error || !self || self->closed_) return;
      ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      self->arm();
    });
  }

  const asio::any_io_executor executor_;
  const std::string host_;
  const Done done_;
  std::weak_ptr<Channel> self_;
  ares_channel channel_ = nullptr;
  bool closed_ = false;
  asio::steady_timer timer_;
  std::map<ares_socket_t, std::shared_ptr<Socket>> sockets_;
};

}  // namespace

std::optional<std::string> dns_server_fault(std::string_view text) {
  // The URL parser's rules for addresses and ports, of which the port must be there.
  const auto parsed = ws::parse_url("ws://" + std::string(text));
  const size_t bracket = text.find(']');
  const bool has_port = text.find(':', bracket == text.npos ? 0 : bracket) != text.npos;
  if (parsed && parsed->is_literal && has_port && parsed->target == "/") return std::nullopt;
  return "\"" + std::string(text) + "\" is not an address with its port like 192.0.2.1:53";
}

struct AresResolver::State {
  struct Request {
    std::string host;
    std::string lane;
    Answer answer;
    // While it has a turn.
    std::shared_ptr<Channel> channel{};
    int answers = 0;
  };

  State(asio::any_io_executor executor, const DnsSettings& settings, Metrics& metrics)
      : executor(std::move(executor)),
        settings(settings),
        metrics(metrics),
        queue(settings.look_ups_max, settings.look_ups_per_lane_max) {}

  void start_waiting() {
    while (const auto id = queue.next()) begin(*id);
  }

  void begin(uint64_t id) {
    auto& request = requests.at(id);
    request.channel = std::make_shared<Channel>(
        executor, request.host,
        [this, id](Family family, Addresses addresses) { answered(id, family, std::move(addresses)); });
    if (is_this_machine(request.host)) {
      // c-ares 1.18.1 would lose some bytes with each of these, and a canister can ask for many.
      for (const Family family : kFamilies) answer_soon(id, family, std::vector{loopback(family)});
    } else if (request.channel->open(settings)) {
      Channel::ask(request.channel);
    } else {
      const Failure failed{Cause::NameResolution, "the resolver cannot be set up", true};
      for (const Family family : kFamilies) answer_soon(id, family, std::unexpected(failed));
    }
  }

  void answer_soon(uint64_t id, Family family, Addresses addresses) {
    asio::post(executor, [this, alive = std::weak_ptr(requests.at(id).channel), id, family,
                          addresses = std::move(addresses)]() mutable {
      if (alive.lock()) answered(id, family, std::move(addresses));
    });
  }

  // `answer` may give the look-up up.
  void answered(uint64_t id, Family family, Addresses addresses) {
    auto& request = requests.at(id);
    const auto answer = request.answer;
    if (++request.answers == static_cast<int>(kFamilies.size())) finish(id);
    answer(family, std::move(addresses));
  }

  void finish(uint64_t id) {
    const auto found = requests.find(id);
    if (found == requests.end()) return;
    const Request request = std::move(found->second);
    requests.erase(found);
    if (request.channel) {
      request.channel->close();
      queue.finished(request.lane);
      start_waiting();
    } else {
      queue.leave(request.lane, id);
    }
  }

  const asio::any_io_executor executor;
  const DnsSettings settings;
  Metrics& metrics;
  TurnQueue queue;
  uint64_t last_id = 0;
  std::map<uint64_t, Request> requests;
};

AresResolver::AresResolver(asio::any_io_executor executor, const DnsSettings& settings, Metrics& metrics)
    : state_(std::make_shared<State>(std::move(executor), settings, metrics)) {
  Channel probe(state_->executor, "", {});
  if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS || !probe.open(settings)) {
    throw std::runtime_error("cannot set up DNS with the servers: " +
                             (settings.servers.empty() ? "of the system" : join(settings.servers)));
  }
}

AresResolver::~AresResolver() {
  for (auto& [id, request] : state_->requests) {
    if (request.channel) request.channel->close();
  }
}

size_t AresResolver::look_ups() const { return state_->requests.size(); }

std::unique_ptr<LookUp> AresResolver::start(const std::string& host, const std::string& lane, Answer answer) {
  class Ticket final : public LookUp {
   public:
    Ticket(std::weak_ptr<State> state, uint64_t id) : state_(std::move(state)), id_(id) {}
    ~Ticket() override {
      if (const auto state = state_.lock()) state->finish(id_);
    }

   private:
    const std::weak_ptr<State> state_;
    const uint64_t id_;
  };
  const uint64_t id = ++state_->last_id;
  state_->requests.emplace(id, State::Request{host, lane, std::move(answer)});
  state_->queue.wait(lane, id);
  state_->start_waiting();
  if (!state_->requests.at(id).channel) state_->metrics.pass(Limit::kLookUpsMax);
  return std::make_unique<Ticket>(state_, id);
}

}  // namespace icws::adapter
