// Where the adapter listens.
#include "adapter/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>

#include "tests/support/local_client.h"
#include "tests/support/temporary_directory.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

std::string fault_of(std::string_view text) {
  const auto parsed = parse_loopback(text);
  return parsed ? "" : parsed.error();
}

TEST(Loopback, TakesBothFamilies) {
  EXPECT_EQ(parse_loopback("127.0.0.1:9100")->port(), 9100);
  EXPECT_EQ(parse_loopback("127.8.9.1:0")->port(), 0);
  EXPECT_TRUE(parse_loopback("[::1]:65535")->address().is_v6());
}

TEST(Loopback, RefusesTheRest) {
  for (const auto* text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:1x", "::1:80",
                           "localhost:80", ":80", "127.0.0.1:-1"}) {
    EXPECT_THAT(fault_of(text), HasSubstr("is not an address")) << text;
  }
  for (const auto* text : {"0.0.0.0:80", "10.0.0.1:80", "[::]:80", "[::ffff:127.0.0.1]:80"}) {
    EXPECT_THAT(fault_of(text), HasSubstr("not a loopback")) << text;
  }
}

// Runs the executor until `count` have connected.
size_t accept(asio::io_context& io, Listener& listener, size_t count) {
  size_t accepted = 0;
  listener.accept([&](Listener::Socket) { ++accepted; });
  while (accepted < count && io.run_one_for(std::chrono::seconds(20)) > 0) {
  }
  return accepted;
}

TEST(Listener, ListensOnAPathAndRemovesIt) {
  const support::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  asio::io_context io(1);
  {
    auto listener = Listener::at_path(io, path);
    EXPECT_EQ(listener.address(), path);
    const support::LocalClient first(path), second(path);
    EXPECT_EQ(accept(io, listener, 2), 2U);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listener, ReplacesOnlyASocketNobodyListensOn) {
  const support::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  asio::io_context io(1);
  auto first = Listener::at_path(io, path);
  EXPECT_THROW(Listener::at_path(io, path), std::runtime_error);
  // As a killed process leaves it.
  const std::string stale = directory / "stale";
  std::filesystem::create_hard_link(path, stale);
  first.close();
  EXPECT_NO_THROW(Listener::at_path(io, stale));
}

TEST(Listener, ListensOnAFreeLoopbackPort) {
  asio::io_context io(1);
  auto listener = Listener::at_loopback(io, *parse_loopback("127.0.0.1:0"));
  EXPECT_THAT(listener.address(), testing::StartsWith("127.0.0.1:"));
  const support::LocalClient client(listener.address());
  EXPECT_EQ(accept(io, listener, 1), 1U);
}

TEST(Listener, TakesADescriptorThatListens) {
  const support::TemporaryDirectory directory;
  const std::string path = directory / "socket";
  asio::io_context io(1);
  asio::local::stream_protocol::acceptor theirs(io, asio::local::stream_protocol::endpoint(path));
  auto listener = Listener::of_descriptor(io, ::dup(theirs.native_handle()));
  EXPECT_EQ(listener.address(), path);
  const support::LocalClient client(path);
  EXPECT_EQ(accept(io, listener, 1), 1U);
  listener.close();
  // It was not ours.
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(Listener, RefusesOtherDescriptors) {
  asio::io_context io(1);
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  EXPECT_THROW(Listener::of_descriptor(io, pair[0]), std::runtime_error);
  EXPECT_THROW(Listener::of_descriptor(io, -1), std::runtime_error);
  ::close(pair[0]);
  ::close(pair[1]);
}

// accept() fails and the client still waits: asking again at once would use up a core.
TEST(Listener, PausesWhenThereAreNoDescriptors) {
  const support::TemporaryDirectory directory;
  asio::io_context io(1);
  auto listener = Listener::at_path(io, directory / "socket");
  const support::LocalClient client(listener.address());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = ::dup(0);
  ::close(lowest_free);
  const rlimit none{static_cast<rlim_t>(lowest_free), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  size_t accepted = 0;
  listener.accept([&](Listener::Socket) { ++accepted; });
  size_t handlers = 0;
  while (handlers < 1'000 && io.run_one_for(std::chrono::milliseconds(50)) > 0) ++handlers;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(accepted, 0U);
  EXPECT_LT(handlers, 20U);
  while (accepted == 0 && io.run_one_for(std::chrono::seconds(20)) > 0) {
  }
  EXPECT_EQ(accepted, 1U);
}

}  // namespace
}  // namespace icws::adapter
