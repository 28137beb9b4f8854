// The log: lines, limits, and what never gets into it.
#include "adapter/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <sstream>

namespace icws::adapter {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::Pair;

// A log that writes into a pipe.
class Piped {
 public:
  explicit Piped(LogLevel level) {
    EXPECT_EQ(::pipe2(ends_, O_NONBLOCK | O_CLOEXEC), 0);
    log_.emplace(level, ends_[1]);
  }
  ~Piped() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  Log& log() { return *log_; }
  // The lines since the last call.
  std::vector<boost::json::object> lines() {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(ends_[0], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<size_t>(size));
    }
    std::istringstream stream(text);
    std::vector<boost::json::object> out;
    for (std::string line; std::getline(stream, line);) out.push_back(boost::json::parse(line).as_object());
    return out;
  }

 private:
  int ends_[2];
  std::optional<Log> log_;
};

TEST(LogLimiter, LetsABurstThroughAndThenAFew) {
  LogLimiter limiter;
  const LogLimiter::Clock::time_point start{};
  for (uint32_t i = 0; i < LogLimiter::kBurst; ++i) EXPECT_EQ(limiter.admit("a", start), 0U);
  EXPECT_EQ(limiter.admit("a", start), std::nullopt);
  EXPECT_EQ(limiter.admit("a", start + LogLimiter::kRefill - seconds(1)), std::nullopt);
  // Another kind has its own.
  EXPECT_EQ(limiter.admit("b", start), 0U);
  EXPECT_EQ(limiter.admit("a", start + LogLimiter::kRefill), 2U);
  EXPECT_EQ(limiter.admit("a", start + LogLimiter::kRefill), std::nullopt);
  EXPECT_EQ(limiter.admit("a", start + 2 * LogLimiter::kRefill), 1U);
}

TEST(LogLimiter, FillsUpToABurstAndNoFurther) {
  LogLimiter limiter;
  const LogLimiter::Clock::time_point start{};
  EXPECT_EQ(limiter.admit("a", start), 0U);
  const auto later = start + std::chrono::hours(1'000);
  for (uint32_t i = 0; i < LogLimiter::kBurst; ++i) EXPECT_EQ(limiter.admit("a", later), 0U);
  EXPECT_EQ(limiter.admit("a", later), std::nullopt);
}

TEST(LogLimiter, TellsWhatItKeptBackOnce) {
  LogLimiter limiter;
  for (uint32_t i = 0; i < LogLimiter::kBurst + 3; ++i) limiter.admit("a", {});
  limiter.admit("b", {});
  EXPECT_THAT(limiter.take_suppressed(), ElementsAre(Pair("a", 3U)));
  EXPECT_THAT(limiter.take_suppressed(), ElementsAre());
}

TEST(Log, WritesALineOfJson) {
  Piped piped(LogLevel::kInfo);
  piped.log().write(LogLevel::kWarning, "message", {{"field", "a \"quoted\"\nvalue"}});
  piped.log().write(LogLevel::kDebug, "too fine");
  const auto lines = piped.lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].at("level"), "warning");
  EXPECT_EQ(lines[0].at("message"), "message");
  EXPECT_EQ(lines[0].at("field"), "a \"quoted\"\nvalue");
  EXPECT_GT(lines[0].at("time_ms").as_int64(), 1'600'000'000'000);
  EXPECT_FALSE(lines[0].contains("suppressed"));
}

TEST(Log, ChangesItsLevel) {
  Piped piped(LogLevel::kInfo);
  piped.log().set_level(LogLevel::kDebug);
  piped.log().write(LogLevel::kDebug, "fine");
  piped.log().set_level(LogLevel::kError);
  piped.log().write(LogLevel::kWarning, "warning");
  EXPECT_EQ(piped.lines().size(), 1U);
}

TEST(Log, CutsFieldsAndReplacesWhatIsNotUtf8) {
  Piped piped(LogLevel::kInfo);
  piped.log().write(LogLevel::kInfo, "message",
                    {{"long", std::string(10'000, 'x')}, {"bytes", "a\xff\xc3z"}});
  const auto lines = piped.lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].at("long").as_string().size(), Log::kFieldBytesMax);
  EXPECT_EQ(lines[0].at("bytes"), "a??z");
}

TEST(Log, LimitsEachKindAndReportsTheRest) {
  Piped piped(LogLevel::kInfo);
  for (uint32_t i = 0; i < LogLimiter::kBurst + 5; ++i) piped.log().write(LogLevel::kInfo, "often");
  piped.log().write(LogLevel::kInfo, "seldom");
  EXPECT_EQ(piped.lines().size(), LogLimiter::kBurst + 1);
  piped.log().report_suppressed();
  const auto lines = piped.lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].at("of"), "often");
  EXPECT_EQ(lines[0].at("suppressed"), 5);
  piped.log().report_suppressed();
  EXPECT_EQ(piped.lines().size(), 0U);
  EXPECT_EQ(piped.log().counts().suppressed, 5U);
}

TEST(Log, NeverLimitsErrors) {
  Piped piped(LogLevel::kInfo);
  for (uint32_t i = 0; i < 2 * LogLimiter::kBurst; ++i) piped.log().write(LogLevel::kError, "broken");
  EXPECT_EQ(piped.lines().size(), 2 * LogLimiter::kBurst);
}

// The pipe is full and nobody reads: a write would wait for ever, if the log did.
TEST(Log, DoesNotWaitForWhoReadsIt) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Log log(LogLevel::kInfo, ends[1]);
  constexpr uint64_t kLines = 1'000;
  for (uint64_t i = 0; i < kLines; ++i)
    log.write(LogLevel::kError, "broken", {{"why", std::string(400, 'x')}});
  const auto counts = log.counts();
  EXPECT_GT(counts.lines[0], 50U);
  EXPECT_EQ(counts.lines[0] + counts.suppressed, kLines);
  EXPECT_GT(counts.suppressed, 500U);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(LogPlace, HasNoPathNoQueryNoUserInfo) {
  EXPECT_EQ(log_place("wss://example.com/path?key=secret"), "wss://example.com");
  EXPECT_EQ(log_place("ws://[2000::1]:8080/a"), "ws://[2000::1]:8080");
  EXPECT_EQ(log_place("wss://user:password@example.com/"), "invalid");
  EXPECT_EQ(log_place("secret"), "invalid");
}

}  // namespace
}  // namespace icws::adapter
