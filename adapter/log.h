// The adapter's log: one line of JSON on standard error for each event of note. Never payloads, never a URL's
// query.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace icws::adapter {

enum class LogLevel : uint8_t { kError, kWarning, kInfo, kDebug };
// In the enum's order.
inline constexpr std::string_view kLogLevelNames[] = {"error", "warning", "info", "debug"};

std::optional<LogLevel> log_level_from(std::string_view name);

// What: writes lines. Thread-safety: write() from any thread (one write(2) a line).
class Log {
 public:
  using Field = std::pair<std::string_view, std::string>;

  explicit Log(LogLevel level) : level_(level) {}

  void write(LogLevel level, std::string_view message, std::initializer_list<Field> fields = {}) const;

 private:
  LogLevel level_;
};

}  // namespace icws::adapter
