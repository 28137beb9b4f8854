// The adapter's log: one line of JSON on standard error for each event of note. Never payloads, header
// values, user info, or a URL's path and query.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replica/adapter_port.h"

namespace icws::adapter {

enum class LogLevel : uint8_t { kError, kWarning, kInfo, kDebug };
// In the enum's order.
inline constexpr std::string_view kLogLevelNames[] = {"error", "warning", "info", "debug"};

std::optional<LogLevel> log_level_from(std::string_view name);

// What: lets a burst of each kind of message through and then a few a minute; counts the rest. Servers and
// replicas decide how often something happens, and shall not fill a node's disk.
// Thread-safety: none. Ownership: keys are literals, which it refers to: memory is bounded by the program.
class LogLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  // Of one kind.
  static constexpr uint32_t kBurst = 20;
  static constexpr std::chrono::seconds kRefill{3};

  // How many of the kind were kept back since the last one; nothing: this one is, too.
  std::optional<uint64_t> admit(std::string_view kind, Clock::time_point now);
  // The kinds with lines that were kept back since their last one, and how many; they count as told then.
  std::vector<std::pair<std::string_view, uint64_t>> take_suppressed();

 private:
  struct Kind {
    uint32_t tokens = kBurst;
    Clock::time_point refilled;
    uint64_t suppressed = 0;
  };
  std::map<std::string_view, Kind> kinds_;
};

struct LogCounts {
  // By LogLevel.
  std::array<uint64_t, std::size(kLogLevelNames)> lines{};
  uint64_t suppressed = 0;
};

// What: writes lines. Thread-safety: all methods from any thread (one write(2) a line).
// Errors: a line that cannot be written at once is lost and counted; nothing waits or stops for that.
class Log {
 public:
  using Field = std::pair<std::string_view, std::string>;
  // Bytes of one field; longer ones are cut.
  static constexpr size_t kFieldBytesMax = 500;

  // `descriptor`: not owned. 2 is standard error.
  explicit Log(LogLevel level, int descriptor = 2) : level_(level), descriptor_(descriptor) {}

  // `message`: a literal, which names the kind. Errors are not limited.
  void write(LogLevel level, std::string_view message, std::initializer_list<Field> fields = {}) const;
  bool enabled(LogLevel level) const { return level <= level_; }
  void set_level(LogLevel level) { level_ = level; }
  // A line for each kind of which lines were kept back. Called now and then, and before the end.
  void report_suppressed() const;
  LogCounts counts() const;

 private:
  void put(LogLevel level, std::string_view message, std::initializer_list<Field> fields,
           uint64_t suppressed) const;

  std::atomic<LogLevel> level_;
  const int descriptor_;
  mutable std::mutex mutex_;
  mutable LogLimiter limiter_;
  mutable LogCounts counts_;
};

// "connection/epoch/attempt".
std::string log_name(const replica::SocketKey& key);

// What of a URL may be logged: "wss://example.com:8443". "invalid" for what is no URL.
std::string log_place(std::string_view url);

}  // namespace icws::adapter
