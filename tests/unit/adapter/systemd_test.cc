// Passed sockets, the watchdog, notes to systemd, the last resort of a stop.
#include "adapter/systemd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "adapter/stop_guard.h"
#include "adapter/users.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/waiting.h"

namespace icws::adapter {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr long kPid = 77;

std::expected<PassedSockets, std::string> pass(const std::string& count, const std::string& names,
                                               const std::string& pid = "77") {
  SystemdEnvironment environment;
  environment.listen_pid = pid;
  environment.listen_fds = count;
  environment.listen_fdnames = names;
  return passed_sockets(environment, kPid);
}

TEST(PassedSockets, AreFoundByName) {
  const auto sockets = pass("2", "metrics:grpc");
  ASSERT_TRUE(sockets);
  EXPECT_EQ(sockets->metrics, 3);
  EXPECT_EQ(sockets->grpc, 4);
  const auto one = pass("1", "metrics");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->metrics, 3);
  EXPECT_EQ(one->grpc, -1);
}

TEST(PassedSockets, CountInOrderWithoutNames) {
  for (const auto* names : {"", "unknown:unknown"}) {
    const auto sockets = pass("2", names);
    ASSERT_TRUE(sockets);
    EXPECT_EQ(sockets->grpc, 3);
    EXPECT_EQ(sockets->metrics, 4);
  }
}

TEST(PassedSockets, AreNoneForAnotherProcess) {
  for (const auto* pid : {"", "78", "x"}) {
    const auto sockets = pass("2", "grpc:metrics", pid);
    ASSERT_TRUE(sockets);
    EXPECT_EQ(sockets->grpc, -1);
  }
}

TEST(PassedSockets, RefuseWhatIsNotUnderstood) {
  EXPECT_THAT(pass("1", "other").error(), HasSubstr("\"other\""));
  EXPECT_THAT(pass("2", "grpc:grpc").error(), HasSubstr("two sockets"));
  EXPECT_THAT(pass("3", "grpc:metrics:grpc").error(), HasSubstr("more sockets"));
  EXPECT_THAT(pass("-1", "").error(), HasSubstr("not a number"));
  EXPECT_THAT(pass("x", "").error(), HasSubstr("not a number"));
}

TEST(Watchdog, IsToldTwiceInItsTime) {
  SystemdEnvironment environment;
  EXPECT_FALSE(watchdog_interval(environment, kPid));
  environment.watchdog_usec = "10000000";
  EXPECT_EQ(watchdog_interval(environment, kPid), std::chrono::seconds(5));
  environment.watchdog_pid = "77";
  EXPECT_EQ(watchdog_interval(environment, kPid), std::chrono::seconds(5));
  environment.watchdog_pid = "78";
  EXPECT_FALSE(watchdog_interval(environment, kPid));
  environment.watchdog_pid = "";
  environment.watchdog_usec = "1";
  EXPECT_EQ(watchdog_interval(environment, kPid), std::chrono::milliseconds(1));
  environment.watchdog_usec = "0";
  EXPECT_FALSE(watchdog_interval(environment, kPid));
}

TEST(SystemdEnvironment, IsTaken) {
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("NOTIFY_SOCKET", "/x", 1);
  const auto environment = take_systemd_environment();
  EXPECT_EQ(environment.listen_fds, "1");
  EXPECT_EQ(environment.notify_socket, "/x");
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
}

// systemd's end: a datagram socket, by path or abstract.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& name) : descriptor_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  ~NotifySocket() { ::close(descriptor_); }
  std::string take() {
    std::array<char, 256> buffer;
    const auto size = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer.data(), static_cast<size_t>(size));
  }

 private:
  int descriptor_;
};

TEST(SystemdNotifier, WritesToAPathOrAnAbstractName) {
  const support::TemporaryDirectory directory;
  const std::string path = directory / "notify";
  for (const auto& name : {path, "@icws-test" + path}) {
    NotifySocket socket(name);
    const SystemdNotifier notifier(name);
    notifier.ready();
    EXPECT_EQ(socket.take(), "READY=1");
    notifier.reloading();
    EXPECT_THAT(socket.take(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
    notifier.alive();
    EXPECT_EQ(socket.take(), "WATCHDOG=1");
    notifier.stopping();
    EXPECT_EQ(socket.take(), "STOPPING=1");
  }
}

TEST(SystemdNotifier, DoesNothingWithoutSystemd) {
  SystemdNotifier("").ready();
  SystemdNotifier("/nobody/listens").ready();
  SystemdNotifier("/" + std::string(500, 'x')).ready();
}

TEST(StopGuard, ActsWhenTheStopDoesNotEnd) {
  support::Event late;
  const StopGuard guard(Milliseconds(1), [&] { late.set(); });
  EXPECT_TRUE(late.wait());
}

TEST(StopGuard, DoesNothingWhenItDoes) {
  bool late = false;
  {
    const StopGuard guard(Milliseconds(3'600'000), [&] { late = true; });
  }
  EXPECT_FALSE(late);
}

TEST(Users, AreFoundByNameAndNumber) {
  EXPECT_EQ(find_user("root"), 0U);
  EXPECT_EQ(find_user("12345"), 12345U);
  EXPECT_THAT(find_user("nobody-of-this-name").error(), HasSubstr("nobody-of-this-name"));
  EXPECT_FALSE(find_user(""));
  EXPECT_FALSE(find_user("-1"));
  EXPECT_FALSE(find_user("4294967295"));
}

}  // namespace
}  // namespace icws::adapter
