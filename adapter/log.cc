#include "adapter/log.h"

#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <chrono>

namespace icws::adapter {
std::optional<LogLevel> log_level_from(std::string_view name) {
  for (size_t i = 0; i < std::size(kLogLevelNames); ++i) {
    if (kLogLevelNames[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

void Log::write(LogLevel level, std::string_view message, std::initializer_list<Field> fields) const {
  if (level > level_) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  boost::json::object line;
  line["time_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  line["level"] = kLogLevelNames[static_cast<size_t>(level)];
  line["message"] = message;
  for (const auto& [name, value] : fields) line[name] = value;
  const std::string text = boost::json::serialize(line) + "\n";
  // A log that cannot be written is nothing to stop for.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace icws::adapter
