#include "adapter/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <optional>

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using transcript::Cause;

// A look-up that somebody waits for, or waited for.
struct Pending {
  explicit Pending(asio::any_io_executor executor) : done(std::move(executor)) {}
  asio::steady_timer done;
  std::optional<Addresses> result;
};

}  // namespace

Addresses look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    return std::unexpected(Failure{Cause::NameResolution,
                                   "\"" + host + "\" does not resolve: " + ::gai_strerror(error),
                                   error == EAI_AGAIN});
  }
  std::vector<asio::ip::address> out;
  for (const addrinfo* entry = list; entry; entry = entry->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    if (std::ranges::find(out, endpoint.address()) == out.end()) out.push_back(endpoint.address());
  }
  ::freeaddrinfo(list);
  return out;
}

struct Resolver::Pool {
  Pool(size_t threads, LookUp function) : look_up(std::move(function)), threads(threads) {}
  LookUp look_up;
  std::atomic<size_t> busy = 0;
  // Last: its destructor joins the threads, which use the others.
  asio::thread_pool threads;
};

Resolver::Resolver(size_t threads, LookUp look_up)
    : pool_(std::make_unique<Pool>(threads, std::move(look_up))) {}

Resolver::~Resolver() = default;

size_t Resolver::busy() const { return pool_->busy; }

asio::awaitable<Addresses> Resolver::resolve(std::string host, Milliseconds timeout, Watchdog& watchdog) {
  const auto executor = co_await asio::this_coro::executor;
  const auto pending = std::make_shared<Pending>(executor);
  pending->done.expires_at(asio::steady_timer::time_point::max());
  ++pool_->busy;
  asio::post(pool_->threads, [pool = pool_.get(), pending, executor, host] {
    auto result = pool->look_up(host);
    asio::post(executor, [pending, result = std::move(result)]() mutable {
      pending->result = std::move(result);
      pending->done.cancel();
    });
    --pool->busy;
  });
  watchdog.arm(timeout, [&pending] { pending->done.cancel(); });
  co_await pending->done.async_wait(asio::as_tuple(asio::use_awaitable));
  watchdog.disarm();
  if (pending->result) co_return std::move(*pending->result);
  Failure late{Cause::Timeout, "looking up \"" + host + "\" took too long", true, Limit::kDnsTimeout};
  co_return std::unexpected(std::move(late));
}

}  // namespace icws::adapter
