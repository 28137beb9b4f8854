#include "tools/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "tests/support/temporary_directory.h"

namespace icws::tools {
namespace {

constexpr Milliseconds kLook{20};
constexpr int kLooks = 1'500;

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

  // False: a signal came, so less time than kLook has passed.
  bool look() {
    const bool quiet = !signals_.wait(kLook);
    supervisor_.tend();
    return quiet;
  }
  bool tend_until(const std::function<bool()>& reached) {
    for (int i = 0; i < kLooks && !reached(); ++i) look();
    return reached();
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
  for (auto passed = Milliseconds(0); passed < 2 * kEndsWithPatience;)
    passed += look() ? kLook : Milliseconds(0);
  EXPECT_EQ(supervisor_.pid(second), now);
}

}  // namespace
}  // namespace icws::tools
