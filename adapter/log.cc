#include "adapter/log.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "ws/url.h"
#include "ws/utf8.h"

namespace icws::adapter {
namespace {

// Printable as JSON whatever it was, and not too long.
std::string field_text(std::string_view value) {
  std::string out(value.substr(0, Log::kFieldBytesMax));
  if (ws::utf8_valid(out)) return out;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

}  // namespace

std::optional<LogLevel> log_level_from(std::string_view name) {
  for (size_t i = 0; i < std::size(kLogLevelNames); ++i) {
    if (kLogLevelNames[i] == name) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

std::optional<uint64_t> LogLimiter::admit(std::string_view name, Clock::time_point now) {
  auto [entry, added] = kinds_.try_emplace(name);
  auto& kind = entry->second;
  if (added) kind.refilled = now;
  const auto refills = (now - kind.refilled) / kRefill;
  if (refills > 0) {
    kind.tokens = static_cast<uint32_t>(std::min<int64_t>(kBurst, kind.tokens + refills));
    kind.refilled += refills * kRefill;
  }
  if (kind.tokens == 0) {
    ++kind.suppressed;
    return std::nullopt;
  }
  --kind.tokens;
  return std::exchange(kind.suppressed, 0);
}

std::vector<std::pair<std::string_view, uint64_t>> LogLimiter::take_suppressed() {
  std::vector<std::pair<std::string_view, uint64_t>> out;
  for (auto& [name, kind] : kinds_) {
    if (kind.suppressed > 0) out.emplace_back(name, std::exchange(kind.suppressed, 0));
  }
  return out;
}

void Log::write(LogLevel level, std::string_view message, std::initializer_list<Field> fields) const {
  if (!enabled(level)) return;
  const std::lock_guard lock(mutex_);
  uint64_t suppressed = 0;
  if (level != LogLevel::kError) {
    const auto admitted = limiter_.admit(message, LogLimiter::Clock::now());
    if (!admitted) {
      ++counts_.suppressed;
      return;
    }
    suppressed = *admitted;
  }
  put(level, message, fields, suppressed);
}

void Log::report_suppressed() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [message, count] : limiter_.take_suppressed()) {
    put(LogLevel::kInfo, "lines were kept back", {{"of", std::string(message)}}, count);
  }
}

LogCounts Log::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Log::put(LogLevel level, std::string_view message, std::initializer_list<Field> fields,
              uint64_t suppressed) const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  boost::json::object line;
  line["time_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  line["level"] = kLogLevelNames[static_cast<size_t>(level)];
  line["message"] = message;
  for (const auto& [name, value] : fields) line[name] = field_text(value);
  if (suppressed > 0) line["suppressed"] = suppressed;
  const std::string text = boost::json::serialize(line) + "\n";
  // Who reads the log may have stopped reading: nothing waits for that. A pipe that is writable takes
  // PIPE_BUF bytes, which no line exceeds.
  pollfd state{descriptor_, POLLOUT, 0};
  const bool writable = ::poll(&state, 1, 0) == 1 && (state.revents & POLLOUT) != 0;
  const bool written =
      writable && ::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ++(written ? counts_.lines[static_cast<size_t>(level)] : counts_.suppressed);
}

std::string log_name(const replica::SocketKey& key) {
  return std::to_string(key.connection.value) + "/" + std::to_string(key.epoch.value) + "/" +
         std::to_string(key.attempt.value);
}

std::string log_place(std::string_view url) {
  const auto parsed = ws::parse_url(url);
  return parsed ? (parsed->secure ? "wss://" : "ws://") + parsed->host_header : "invalid";
}

}  // namespace icws::adapter
