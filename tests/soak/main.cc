// icws-soak: recorded feeds at several times their speed, through proxies that misbehave, into a real
// icws-adapter, to a replica that restarts and stops acknowledging. Nothing may be lost, doubled or changed,
// every end must have its cause, and memory must stay where it is.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "tests/integration/adapter/fixture.h"
#include "tests/soak/listener.h"
#include "tests/soak/weather.h"
#include "tests/support/process_figures.h"
#include "tests/support/replay_server.h"

namespace icws::soak {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

struct Options {
  size_t seconds = 1'200;
  size_t connections = 64;
  double speed = 10;
  uint64_t seed = 1;
  Planted planted = Planted::kNone;
};

const std::map<std::string, Planted> kPlantedNames{{"none", Planted::kNone},
                                                   {"drop", Planted::kDrop},
                                                   {"double", Planted::kDouble},
                                                   {"change", Planted::kChange},
                                                   {"unclean-close", Planted::kUncleanClose}};

// Each has a share of the connections.
constexpr size_t kProxies = 4;
constexpr Milliseconds kFaultMin{500};
constexpr uint64_t kFaultSpreadMs = 2'000;
constexpr Milliseconds kCalmMin{200};
constexpr uint64_t kCalmSpreadMs = 1'500;
// For the last streams to run to their end: longer than a recording takes on a slow machine.
constexpr std::chrono::seconds kFinishDeadline{180};
constexpr std::chrono::seconds kStatusPeriod{15};
constexpr std::chrono::seconds kMemoryPeriod{1};
// So few that a replica which does not acknowledge fills a socket within a second.
constexpr const char* kEventsMax = "400";
// What one destination is protected from is this soak's daily bread.
constexpr const char* kUnlimited = "100000";
// Of memory. Before the first, buffers, arenas and threads come into being.
constexpr size_t kMemorySecondsMin = 120;
// What is not acknowledged yet comes and goes, so medians are compared; and the adapter's allocator keeps 16
// MiB between two uses, or not (adapter/process_limits.cc). A leak of 2 bytes for each message shows in 20
// minutes.
constexpr uint64_t kMemoryNoiseBytes = 16 << 20;

class Soak {
 public:
  explicit Soak(const Options& options)
      : options_(options),
        feed_(support::load_feed()),
        server_(feed_.streams, server_options(options)),
        weather_(kProxies, server_.port()),
        adapter_({"--events-max", kEventsMax, "--connections-per-destination-max", kUnlimited,
                  "--opens-per-second-max", kUnlimited, "--opens-per-second-per-destination-max",
                  kUnlimited}),
        prng_(options.seed) {}

  bool run() {
    std::printf("soak: %zu connections, %s, %g times its speed, %zu s, seed %llu\n", options_.connections,
                feed_.origin.c_str(), options_.speed, options_.seconds,
                static_cast<unsigned long long>(options_.seed));
    if (!adapter_.process().wait_for_errors("listening", kFinishDeadline)) return say("no adapter");
    Listener listener(adapter_.socket_path(), options_.connections, feed_.streams, weather_,
                      options_.planted);
    begin_ = status_at_ = Clock::now();
    while (Clock::now() - begin_ < std::chrono::seconds(options_.seconds) &&
           listener.account().get().faults == 0 && adapter_lives()) {
      disturb(listener);
      status(listener);
    }
    listener.finish();
    const bool finished = listener.account().wait_until(
        [&](const Account& account) { return account.finished == options_.connections; }, kFinishDeadline);
    report(listener);
    bool good = listener.account().get().faults == 0;
    if (!finished) good = say("not every connection's last stream came to its end");
    if (!memory_is_flat()) good = false;
    adapter_.process().kill(SIGTERM);
    const auto exit = adapter_.process().wait_exit();
    if (!exit || !exit->ok()) good = say("the adapter did not stop cleanly");
    return good;
  }

 private:
  static support::ReplayOptions server_options(const Options& options) {
    support::ReplayOptions out;
    out.speed = options.speed;
    out.subscriptions_expected = 0;
    out.close_at_end = true;
    return out;
  }

  static bool say(const char* what) {
    std::printf("FAILED: %s\n", what);
    return false;
  }

  bool adapter_lives() { return !adapter_.process().wait_exit(Milliseconds(0)); }

  // Waits; true if something went wrong meanwhile.
  bool pass(const Listener& listener, Milliseconds time) {
    if (Clock::now() - memory_at_ >= kMemoryPeriod) {
      memory_at_ = Clock::now();
      memory_.push_back(support::memory_bytes(adapter_.process().pid()));
    }
    return listener.account().wait_until([](const Account& account) { return account.faults > 0; }, time);
  }
  Milliseconds random_time(Milliseconds min, uint64_t spread_ms) {
    return min + Milliseconds(prng_.below(spread_ms));
  }

  // One fault, and a pause: at a proxy, or of the replica.
  void disturb(Listener& listener) {
    const auto kind = prng_.below(kFaults + 2);
    const auto proxy = prng_.below(kProxies);
    const auto time = random_time(kFaultMin, kFaultSpreadMs);
    if (kind < kFaults) {
      weather_.strike(proxy, static_cast<Fault>(kind));
      (void)pass(listener, time);
      weather_.calm(proxy);
    } else if (kind == kFaults) {
      ++holds_;
      listener.hold_acknowledgements(true);
      (void)pass(listener, time);
      listener.hold_acknowledgements(false);
    } else {
      ++restarts_;
      listener.restart();
    }
    (void)pass(listener, random_time(kCalmMin, kCalmSpreadMs));
  }

  void status(const Listener& listener) {
    if (Clock::now() - status_at_ < kStatusPeriod) return;
    status_at_ = Clock::now();
    const auto account = listener.account().get();
    std::printf(
        "%4lld s: %llu messages, %llu repeated, %llu streams whole, %llu broken, %.1f MiB\n",
        static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(status_at_ - begin_).count()),
        static_cast<unsigned long long>(account.messages), static_cast<unsigned long long>(account.repeated),
        static_cast<unsigned long long>(account.whole), static_cast<unsigned long long>(account.broken),
        mib(support::memory_bytes(adapter_.process().pid())));
    std::fflush(stdout);
  }

  void report(const Listener& listener) const {
    const auto account = listener.account().get();
    const auto strikes = weather_.strikes();
    std::printf(
        "faults injected: %zu delays, %zu stalls, %zu cuts, %zu resets, %zu refusals, %zu times without "
        "acknowledgements, %zu restarts of the replica\n",
        strikes[0], strikes[1], strikes[2], strikes[3], strikes[4], holds_, restarts_);
    std::printf(
        "heard: %llu messages, %llu events again after a restart, %llu streams whole, %llu broken, %llu "
        "not opened; unexplained, lost, doubled or changed: %llu\n",
        static_cast<unsigned long long>(account.messages), static_cast<unsigned long long>(account.repeated),
        static_cast<unsigned long long>(account.whole), static_cast<unsigned long long>(account.broken),
        static_cast<unsigned long long>(account.not_opened), static_cast<unsigned long long>(account.faults));
    for (const auto& fault : account.first_faults) std::printf("  %s\n", fault.c_str());
  }

  // The last quarter against the second one.
  bool memory_is_flat() const {
    if (options_.seconds < kMemorySecondsMin || memory_.size() < 8) {
      std::printf("memory: not judged in less than %zu s\n", kMemorySecondsMin);
      return true;
    }
    const auto quarter = static_cast<ptrdiff_t>(memory_.size() / 4);
    const auto median = [](std::vector<uint64_t> values) {
      std::ranges::sort(values);
      return values[values.size() / 2];
    };
    const uint64_t early = median({memory_.begin() + quarter, memory_.begin() + 2 * quarter});
    const uint64_t late = median({memory_.end() - quarter, memory_.end()});
    std::printf("memory: median of the second quarter %.1f MiB, of the last %.1f\n", mib(early), mib(late));
    return late <= early + kMemoryNoiseBytes || say("the adapter's memory grows");
  }

  static double mib(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

  const Options options_;
  const support::Feed feed_;
  support::ReplayServer server_;
  Weather weather_;
  adapter::AdapterProcess adapter_;
  Prng prng_;
  Clock::time_point begin_;
  Clock::time_point status_at_;
  Clock::time_point memory_at_{};
  std::vector<uint64_t> memory_;
  size_t holds_ = 0;
  size_t restarts_ = 0;
};

}  // namespace
}  // namespace icws::soak

int main(int argc, char** argv) {
  icws::soak::Options options;
  CLI::App app{
      "Feeds an adapter through faults and compares everything it hands on with what was sent.\n"
      "Exit status: 0 nothing wrong, 1 something was, 2 wrong usage."};
  app.add_option("--seconds", options.seconds, "how long faults are injected")->capture_default_str();
  app.add_option("--connections", options.connections)->capture_default_str()->check(CLI::Range(1, 2'000));
  app.add_option("--speed", options.speed, "times that of the recording")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "of the faults")->capture_default_str();
  app.add_option("--plant", options.planted,
                 "a fault that the comparison must find: drop, double, change, unclean-close")
      ->transform(CLI::CheckedTransformer(icws::soak::kPlantedNames));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return icws::soak::Soak(options).run() ? 0 : 1;
}
