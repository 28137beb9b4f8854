// Names to addresses.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapter/connect_race.h"
#include "adapter/failure.h"
#include "adapter/metrics.h"
#include "base/time.h"

namespace icws::adapter {

// In the order in which they should be tried (RFC 6724). Errors: NameResolution, transient if the name may
// exist; Timeout.
using Addresses = std::expected<std::vector<boost::asio::ip::address>, Failure>;

// What: a look-up under way or in line. The destructor gives it up, at once and without waiting.
class LookUp {
 public:
  virtual ~LookUp() = default;
};

// What: looks names up; an interface, so that tests have their own.
// Thread-safety: the executor's thread, on which answers come.
class Resolver {
 public:
  using Answer = std::function<void(Family, Addresses)>;

  virtual ~Resolver() = default;
  // `answer` is called once for each family, not within this call and not after the look-up was given up.
  // `lane`: who asks; askers get equal turns.
  virtual std::unique_ptr<LookUp> start(const std::string& host, const std::string& lane, Answer answer) = 0;
};

// What is wrong with a server's address, or nothing.
std::optional<std::string> dns_server_fault(std::string_view text);

struct DnsSettings {
  // "192.0.2.1:53", "[2600::1]:53"; empty: those of /etc/resolv.conf.
  std::vector<std::string> servers;
  // Names looked up at the same time: each has a channel of its own, 80 KiB.
  size_t look_ups_max = 256;
  // Of one asker.
  size_t look_ups_per_lane_max = 64;
  // Before a question is repeated, at the next server if there is one. An answer takes milliseconds, a
  // recursive resolver's own retry a second.
  Milliseconds retry_after{1'500};
};

// What: c-ares on the executor: /etc/hosts and then DNS, as nsswitch.conf has the two; "localhost" is this
// machine's loopback addresses without asking (RFC 6761, section 6.3). Nothing blocks and
// anything can be given up, so slow names hold up nobody; getaddrinfo(3) holds a thread for as long as
// resolv.conf lets a look-up take, and cannot be stopped. Names are complete: resolv.conf's search domains
// are not appended, which would let a stranger's URL reach an operator's own names. Each look-up has a
// channel, and so source ports and query ids, of its own: answers are harder to forge than with one socket
// for all. Thread-safety: the executor's thread. Ownership: a look-up that outlives it is never answered.
// Errors: construction throws std::runtime_error: a server that is none.
class AresResolver final : public Resolver {
 public:
  AresResolver(boost::asio::any_io_executor executor, const DnsSettings& settings, Metrics& metrics);
  ~AresResolver() override;

  std::unique_ptr<LookUp> start(const std::string& host, const std::string& lane, Answer answer) override;
  // Under way or in line.
  size_t look_ups() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace icws::adapter
