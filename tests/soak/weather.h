// Faults between the adapter and the server, and which of them explain what.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/prng.h"
#include "tests/support/chaos_proxy.h"

namespace icws::soak {

enum class Fault : uint8_t { kDelay, kStall, kCut, kReset, kRefuse };
inline constexpr uint64_t kFaults = 5;

// What: proxies to one server, each with faults of its own, and an account of the connections that they
// ended. Thread-safety: strike() and calm() from one thread, the rest from any. Ownership: owns the proxies.
class Weather {
 public:
  Weather(size_t proxies, uint16_t server_port);

  size_t proxies() const { return proxies_.size(); }
  std::string url(size_t proxy) const;
  // Begins `fault` on one proxy; a delay, a stall and a refusal last until the next calm().
  void strike(size_t proxy, Fault fault);
  // Ends what lasts.
  void calm(size_t proxy);

  // A connection through this proxy broke. True if a cut or reset ended one that was not accounted for yet.
  bool explain_break(size_t proxy);
  // One could not be opened. True if the proxy refuses, or did so a moment ago.
  bool explain_failure(size_t proxy) const;
  // How often each fault struck.
  std::vector<size_t> strikes() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Proxy {
    explicit Proxy(uint16_t server_port) : proxy(server_port) {}
    support::ChaosProxy proxy;
    // Connections that faults ended, less those that were heard to break.
    size_t breaks_left = 0;
    bool refuses = false;
    Clock::time_point refused_until{};
  };

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Proxy>> proxies_;
  std::vector<size_t> strikes_ = std::vector<size_t>(kFaults);
};

}  // namespace icws::soak
