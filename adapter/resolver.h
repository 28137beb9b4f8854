// Names to addresses.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapter/failure.h"
#include "adapter/watchdog.h"

namespace icws::adapter {

using Addresses = std::expected<std::vector<boost::asio::ip::address>, Failure>;

// getaddrinfo(3). Blocks.
Addresses look_up(const std::string& host);

// What: looks names up on threads of its own, since getaddrinfo blocks and cannot be cancelled: a slow name
// holds up one thread, not the connections. Asio's resolver has one thread for all.
// Thread-safety: resolve() on the executor's thread.
// Ownership: the destructor waits for look-ups under way (as long as resolv.conf lets them take).
class Resolver {
 public:
  using LookUp = std::function<Addresses(const std::string&)>;

  // `look_up`: a fake in tests.
  Resolver(size_t threads, LookUp look_up);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Errors: NameResolution; Timeout when the watchdog's wait of `timeout` ends.
  boost::asio::awaitable<Addresses> resolve(std::string host, Milliseconds timeout, Watchdog& watchdog);

  // Look-ups under way: while there are some, the destructor would wait.
  size_t busy() const;

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace icws::adapter
