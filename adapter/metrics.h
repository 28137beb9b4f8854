// What the adapter counts about itself.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "adapter/limit.h"
#include "adapter/log.h"
#include "transcript/cause.h"

namespace icws::adapter {

// What: counts durations in fixed buckets. Thread-safety: none.
class Histogram {
 public:
  // Upper bounds, in seconds: from a loopback to the longest deadline.
  static constexpr std::array kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                      0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

  void observe(std::chrono::nanoseconds duration);

  uint64_t count() const { return count_; }
  double sum_seconds() const { return sum_seconds_; }
  // Of the bucket below kBounds[i]; not cumulative.
  uint64_t bucket(size_t i) const { return buckets_[i]; }

 private:
  std::array<uint64_t, kBounds.size()> buckets_{};
  uint64_t count_ = 0;
  double sum_seconds_ = 0;
};

enum class CallMethod : uint8_t { kOpen, kSend, kClose, kEvents, kStatus };
inline constexpr std::string_view kCallMethodNames[] = {"Open", "Send", "Close", "Events", "Status"};

// Numbers of what is by transcript::Cause, which is their index.
using PerCause = std::array<uint64_t, transcript::kCauseMax + 1>;

struct Traffic {
  uint64_t messages = 0;
  // As they went over the connection: frames, below TLS.
  uint64_t bytes = 0;
  uint64_t control_frames = 0;
};

// What: the adapter's counters and histograms. They are added to once for each read, write or call, never for
// each message.
// Thread-safety: the I/O thread; count_call() from any thread. Ownership: the daemon's.
struct Metrics {
  uint64_t opens = 0;
  uint64_t opened = 0;
  uint64_t open_retries = 0;
  PerCause open_failures{};
  PerCause ends{};
  Traffic received;
  Traffic sent;
  // Of `opened`, those with compression.
  uint64_t compressed = 0;
  // Messages that came compressed: as they came, and as they are.
  uint64_t compressed_bytes = 0;
  uint64_t inflated_bytes = 0;
  uint64_t pauses = 0;
  uint64_t peers_refused = 0;
  uint64_t reloads = 0;
  uint64_t reloads_refused = 0;
  std::array<uint64_t, kLimits> limits_passed{};
  // Without looking the name up.
  Histogram connect;
  Histogram tls;
  Histogram upgrade;
  // From the end of the handshake.
  Histogram first_byte;

  static constexpr size_t kCodes = 17;
  std::array<std::array<std::atomic<uint64_t>, kCodes>, std::size(kCallMethodNames)> calls{};

  void pass(Limit limit) { ++limits_passed[static_cast<size_t>(limit)]; }
  // `code`: of grpc::StatusCode.
  void count_call(CallMethod method, int code);
};

// Of the event hub, which counts under its own lock.
struct HubTotals {
  uint64_t events = 0;
  uint64_t bytes = 0;
  uint64_t subscribers = 0;
  // Times that a socket stood, by the limit that it met.
  uint64_t events_max_passed = 0;
  uint64_t bytes_max_passed = 0;
  uint64_t bytes_total_max_passed = 0;
  // From an event's publication to its acknowledgement; of each socket one event at a time is measured.
  Histogram acknowledge;
};

struct ProcessUsage {
  uint64_t resident_bytes = 0;
  double cpu_seconds = 0;
};
// Of this process; zeros if the kernel does not say.
ProcessUsage process_usage();

// What stands at the moment of the question.
struct Gauges {
  std::string version;
  // Since 1970.
  double start_time_seconds = 0;
  ProcessUsage process;
  // By ConnectionState.
  std::array<uint64_t, 4> connections{};
  uint64_t connections_paused = 0;
  uint64_t lookups = 0;
  HubTotals hub;
  LogCounts log;
};

// The Prometheus text format, version 0.0.4.
std::string exposition(const Metrics& metrics, const Gauges& gauges);

}  // namespace icws::adapter
