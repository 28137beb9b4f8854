// Settings that change while connections live, and what the log says and does not say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"

namespace icws::adapter {
namespace {

using testing::HasSubstr;
using testing::Not;
using transcript::Cause;

// An adapter with a settings file, one open connection to an echo server, and verbs.
class Reloading : public testing::Test {
 protected:
  Reloading() { write("{}"); }

  void SetUp() override {
    adapter_.emplace(std::vector<std::string>{"--config", file_, "--metrics", "127.0.0.1:0"});
    replica_ = adapter_->replica();
    ASSERT_TRUE(replica_->wait_up());
    replica_->open(socket_key(1), server_.url());
    ASSERT_EQ(replica_->wait_events(socket_key(1), 1).size(), 1U);
  }

  void write(const std::string& text) { std::ofstream(file_) << text; }
  // Until the adapter has read them `times` times.
  MetricValues reload(const std::string& result, int times) {
    adapter_->process().kill(SIGHUP);
    const auto name = "icws_adapter_reloads_total{result=\"" + result + "\"}";
    auto seen = adapter_->wait_metrics([&](MetricValues& values) { return values[name] >= times; });
    EXPECT_EQ(seen[name], times);
    return seen;
  }
  // The connection that was open before goes on.
  void expect_alive() {
    const auto before = replica_->wait_events(socket_key(1), 1).size();
    replica_->send(socket_key(1), ++sent_, "still there?");
    EXPECT_EQ(replica_->wait_events(socket_key(1), before + 1).size(), before + 1);
  }

  support::TemporaryDirectory directory_;
  const std::string file_ = directory_ / "adapter.json";
  support::EchoServer server_;
  std::optional<AdapterProcess> adapter_;
  std::unique_ptr<Replica> replica_;
  uint64_t sent_ = 0;
};

TEST_F(Reloading, ChangesThePolicyAndDropsNothing) {
  write(R"({"deny_networks": ["127.0.0.0/8"], "connections_max": 7})");
  reload("taken", 1);
  expect_alive();
  replica_->open(socket_key(2), server_.url());
  const auto failed = replica_->wait_open_failed(socket_key(2));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cause, Cause::AddressDenied);

  write("{}");
  reload("taken", 2);
  expect_alive();
  replica_->open(socket_key(3), server_.url());
  EXPECT_TRUE(
      std::holds_alternative<replica::SocketOpened>(replica_->wait_events(socket_key(3), 1).at(0).what));
}

TEST_F(Reloading, KeepsEverythingWhenAnythingIsWrong) {
  write(R"({"deny_networks": ["127.0.0.0/8"], "open_timeout": 0, "nonsense": 1})");
  reload("refused", 1);
  EXPECT_TRUE(adapter_->process().wait_for_errors("open_timeout: 1 to"));
  EXPECT_TRUE(adapter_->process().wait_for_errors("no such setting"));
  // Valid, but the file is not there.
  write(R"({"deny_networks": ["127.0.0.0/8"], "ca_file": "/nowhere/roots.pem"})");
  reload("refused", 2);
  EXPECT_TRUE(adapter_->process().wait_for_errors("/nowhere/roots.pem"));
  expect_alive();
  replica_->open(socket_key(2), server_.url());
  EXPECT_TRUE(
      std::holds_alternative<replica::SocketOpened>(replica_->wait_events(socket_key(2), 1).at(0).what));
}

TEST_F(Reloading, SaysWhatNeedsARestart) {
  write(R"({"dns_servers": ["127.0.0.1:5353"]})");
  reload("taken", 1);
  const auto line = adapter_->process().wait_for_errors("settings wait for a restart");
  ASSERT_TRUE(line);
  EXPECT_THAT(*line, HasSubstr("dns_servers"));
  expect_alive();
}

TEST_F(Reloading, ChangesDeadlinesOfOpenConnections) {
  support::HostileServer silent(std::nullopt, [](support::RawConnection& connection) {
    connection.accept_upgrade();
    connection.wait_closed();
  });
  replica_->open(socket_key(2), silent.url());
  ASSERT_EQ(replica_->wait_events(socket_key(2), 1).size(), 1U);
  write(R"({"ping_after": 50, "pong_timeout": 50})");
  reload("taken", 1);
  const auto closed = replica_->wait_closed(socket_key(2));
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->cause, Cause::Timeout);
}

TEST(AdapterLog, SaysWhyAndNothingSecret) {
  AdapterProcess adapter({"--log-level", "debug", "--open-attempts-max", "1"});
  support::HostileServer rude(std::nullopt, [](support::RawConnection& connection) {
    connection.accept_upgrade();
    connection.send(support::server_frame(0x81, "secret-payload"));
    connection.send(support::server_frame(0x83, "reserved opcode"));
    connection.wait_closed();
  });
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), rude.url() + "/secret-path?key=secret-query",
                [](replica::OpenCommand& command) {
                  command.headers.push_back({"Authorization", "Bearer secret-header"});
                });
  ASSERT_TRUE(replica->wait_closed(socket_key(1))) << adapter.process().errors();
  replica->open(socket_key(2), "wss://secret-user:secret-password@example.com/");
  ASSERT_TRUE(replica->wait_open_failed(socket_key(2)));
  replica->open(socket_key(3), "ws://10.0.0.1/secret-path");
  ASSERT_TRUE(replica->wait_open_failed(socket_key(3)));
  adapter.process().kill(SIGTERM);
  ASSERT_TRUE(adapter.process().wait_exit());
  const auto log = adapter.process().errors();
  EXPECT_THAT(log, HasSubstr("\"cause\":\"PROTOCOL\""));
  EXPECT_THAT(log, HasSubstr("\"server\":\"ws://10.0.0.1\",\"cause\":\"ADDRESS_DENIED\""));
  EXPECT_THAT(log, HasSubstr("\"message\":\"stopped\""));
  EXPECT_THAT(log, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace icws::adapter
