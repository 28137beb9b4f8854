#include "tools/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/temporary_directory.h"

namespace icws::tools {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Milliseconds kDeadline{30'000};

class SupervisorTest : public ::testing::Test {
 protected:
  // A shell that says in its log that it runs, and then runs `script`.
  size_t start(const std::string& name, const std::string& script, std::optional<size_t> ends_with = {}) {
    return supervisor_.start({name,
                              "/bin/sh",
                              {"-c", "trap '' TERM; echo up; " + script},
                              directory_ / (name + ".log"),
                              {},
                              ends_with});
  }

  bool tend_until(const std::function<bool()>& reached) {
    const auto end = Clock::now() + kDeadline;
    while (!reached()) {
      if (Clock::now() > end) return false;
      static_cast<void>(signals_.wait(Milliseconds(20)));
      supervisor_.tend();
    }
    return true;
  }

  bool restarted(size_t child, pid_t before) {
    return tend_until([&] { return supervisor_.pid(child) != 0 && supervisor_.pid(child) != before; });
  }

  const support::TemporaryDirectory directory_;
  const Signals signals_;
  std::vector<std::string> notices_;
  Supervisor supervisor_{signals_, true, [this](const std::string& line) { notices_.push_back(line); }};
};

TEST_F(SupervisorTest, AChildThatDiesRunsAgain) {
  const size_t child = start("child", "exec sleep 1000");
  const pid_t before = supervisor_.pid(child);
  ::kill(before, SIGKILL);
  EXPECT_TRUE(restarted(child, before));
  EXPECT_EQ(notices_, std::vector<std::string>{"child was killed by signal 9; starts again in 200 ms"});
}

TEST_F(SupervisorTest, AChildThatHangsIsKilledOnceThatItEndsWithHasDied) {
  const size_t first = start("first", "exec sleep 1000");
  const size_t second = start("second", "exec sleep 1000", first);
  const size_t other = start("other", "exec sleep 1000");
  const pid_t first_before = supervisor_.pid(first);
  const pid_t second_before = supervisor_.pid(second);
  const pid_t other_before = supervisor_.pid(other);
  ::kill(first_before, SIGKILL);
  EXPECT_TRUE(restarted(first, first_before));
  EXPECT_EQ(supervisor_.pid(second), second_before) << "not given the time to end by itself";
  EXPECT_TRUE(restarted(second, second_before));
  EXPECT_EQ(supervisor_.pid(other), other_before);
  EXPECT_EQ(notices_[1], "second did not end with first and is killed");
}

TEST_F(SupervisorTest, AChildThatEndsByItselfIsNotKilledInItsNextLife) {
  const size_t first = start("first", "exec sleep 1000");
  const size_t second = start("second", "exec sleep 1000", first);
  const pid_t first_before = supervisor_.pid(first);
  const pid_t second_before = supervisor_.pid(second);
  ::kill(first_before, SIGKILL);
  ::kill(second_before, SIGKILL);
  EXPECT_TRUE(restarted(first, first_before));
  EXPECT_TRUE(restarted(second, second_before));
  const pid_t now = supervisor_.pid(second);
  const auto patience_over = Clock::now() + 2 * kEndsWithPatience;
  EXPECT_TRUE(tend_until([&] { return Clock::now() > patience_over; }));
  EXPECT_EQ(supervisor_.pid(second), now);
}

}  // namespace
}  // namespace icws::tools
