#include "adapter/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>
#include <vector>

namespace icws::adapter {
namespace {

// The first descriptor that is passed (SD_LISTEN_FDS_START).
constexpr int kFirst = 3;
constexpr std::string_view kNames[] = {"grpc", "metrics"};

std::string take(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value ? value : "";
  ::unsetenv(name);
  return out;
}

template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == ':') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

}  // namespace

SystemdEnvironment take_systemd_environment() {
  return {take("LISTEN_PID"),    take("LISTEN_FDS"),    take("LISTEN_FDNAMES"),
          take("NOTIFY_SOCKET"), take("WATCHDOG_USEC"), take("WATCHDOG_PID")};
}

std::expected<PassedSockets, std::string> passed_sockets(const SystemdEnvironment& environment, long pid) {
  PassedSockets out;
  if (number_of<long>(environment.listen_pid) != pid) return out;
  const auto count = number_of<int>(environment.listen_fds);
  if (!count || *count < 0) return std::unexpected("LISTEN_FDS is not a number");
  if (static_cast<size_t>(*count) > std::size(kNames)) {
    return std::unexpected("more sockets were passed than grpc and metrics");
  }
  auto names = split(environment.listen_fdnames);
  names.resize(std::size(kNames));
  for (int i = 0; i < *count; ++i) {
    const auto index = static_cast<size_t>(i);
    // systemd calls a socket without a name "unknown"; a unit's name would do, but says less than ours.
    const bool unnamed = names[index].empty() || names[index] == "unknown";
    const std::string name = unnamed ? std::string(kNames[index]) : names[index];
    if (name != kNames[0] && name != kNames[1]) {
      return std::unexpected("a socket named \"" + name + "\" was passed; the names are grpc and metrics");
    }
    int& place = name == kNames[0] ? out.grpc : out.metrics;
    if (place >= 0) return std::unexpected("two sockets named " + name + " were passed");
    place = kFirst + i;
    ::fcntl(place, F_SETFD, FD_CLOEXEC);
  }
  return out;
}

std::optional<std::chrono::milliseconds> watchdog_interval(const SystemdEnvironment& environment, long pid) {
  const auto timeout = number_of<uint64_t>(environment.watchdog_usec);
  const bool ours = environment.watchdog_pid.empty() || number_of<long>(environment.watchdog_pid) == pid;
  if (!timeout || *timeout == 0 || !ours) return std::nullopt;
  // Half of the timeout, as sd_watchdog_enabled(3) advises.
  constexpr uint64_t kMicrosecondsPerTwoMilliseconds = 2'000;
  return std::chrono::milliseconds(std::max<uint64_t>(1, *timeout / kMicrosecondsPerTwoMilliseconds));
}

void SystemdNotifier::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const uint64_t microseconds =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1'000;
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void SystemdNotifier::send(std::string_view state) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  // An abstract one.
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  (void)::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), size);
  ::close(descriptor);
}

}  // namespace icws::adapter
