// Sockets that are closed while they open, in each phase of opening: nothing of them stays, nothing is said
// of them, and no deadline is counted as reached.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/black_hole.h"
#include "tests/support/dns_server.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"
#include "tests/support/proxy_server.h"
#include "tests/support/reserved_port.h"

namespace icws::adapter {
namespace {

constexpr size_t kSockets = 3;
// No deadline ends a phase before its test does.
constexpr const char* kNever = "600000";

// What: a server that keeps opening sockets in one phase.
class Phase {
 public:
  virtual ~Phase() = default;
  virtual std::vector<std::string> arguments() const { return {}; }
  virtual std::string url() const = 0;
  // Sockets of which it knows that they are in the phase.
  virtual size_t inside(const AdapterProcess& adapter) const = 0;
  // Of the adapter, at least, for each socket.
  virtual size_t descriptors() const { return 1; }
};

class DnsPhase final : public Phase {
 public:
  std::vector<std::string> arguments() const override {
    return {"--dns-server", dns_.address(), "--dns-timeout", kNever};
  }
  std::string url() const override { return "ws://silent.example/"; }
  size_t inside(const AdapterProcess& adapter) const override {
    return dns_.progress().get().questions == 0
               ? 0
               : static_cast<size_t>(adapter.metrics()["icws_adapter_lookups"]);
  }

 private:
  static support::DnsAnswer silence() {
    support::DnsAnswer out;
    out.silent = true;
    return out;
  }
  support::DnsServer dns_{{{"silent.example", silence(), silence()}}};
};

class ConnectPhase final : public Phase {
 public:
  std::vector<std::string> arguments() const override { return {"--connect-timeout", kNever}; }
  std::string url() const override { return "ws://127.0.0.1:" + std::to_string(hole_.port()) + "/"; }
  // In the state SYN-SENT (2).
  size_t inside(const AdapterProcess&) const override {
    std::ifstream table("/proc/net/tcp");
    size_t out = 0;
    for (std::string line; std::getline(table, line);) {
      unsigned port = 0, state = 0;
      if (std::sscanf(line.c_str(), " %*d: %*8x:%*4x %*8x:%4x %2x", &port, &state) != 2) continue;
      if (port == hole_.port() && state == 2) ++out;
    }
    return out;
  }

 private:
  support::BlackHole hole_{"127.0.0.1"};
};

class ProxyPhase final : public Phase {
 public:
  ProxyPhase() {
    support::ProxyOptions options;
    options.conduct = support::ProxyConduct::kSilent;
    proxy_.emplace(options);
  }
  std::vector<std::string> arguments() const override {
    return {"--dns-server", dns_.address(), "--proxy", proxy_->url(), "--proxy-timeout", kNever};
  }
  std::string url() const override { return "ws://far.example/"; }
  size_t inside(const AdapterProcess&) const override { return proxy_->progress().get().accepted; }

 private:
  support::DnsServer dns_{{}};
  std::optional<support::ProxyServer> proxy_;
};

// Both handshakes with the server: it hears the beginning and says nothing.
class HandshakePhase final : public Phase {
 public:
  explicit HandshakePhase(bool tls) : tls_(tls) {}
  std::vector<std::string> arguments() const override {
    return {"--tls-timeout", kNever, "--upgrade-timeout", kNever};
  }
  std::string url() const override {
    return (tls_ ? "wss://127.0.0.1:" : "ws://127.0.0.1:") + std::to_string(server_.port()) + "/";
  }
  size_t inside(const AdapterProcess&) const override { return inside_.get(); }

 private:
  void serve(support::RawConnection& connection) {
    if (connection.read_some().empty()) return;
    inside_.update([](size_t& count) { ++count; });
    connection.wait_closed();
    inside_.update([](size_t& count) { --count; });
  }
  const bool tls_;
  support::Watched<size_t> inside_;
  support::HostileServer server_{support::HostileTransport{.at_once = true},
                                 [this](support::RawConnection& connection) { serve(connection); }};
};

// Between two tries.
class PausePhase final : public Phase {
 public:
  std::vector<std::string> arguments() const override { return {"--open-retry-delay", kNever}; }
  std::string url() const override { return "ws://127.0.0.1:" + std::to_string(nobody_.number()) + "/"; }
  size_t inside(const AdapterProcess& adapter) const override {
    return static_cast<size_t>(adapter.metrics()["icws_adapter_open_retries_total"]);
  }
  size_t descriptors() const override { return 0; }

 private:
  support::ReservedPort nobody_;
};

struct PhaseKind {
  const char* name;
  std::unique_ptr<Phase> (*make)();
};

class AdapterAbandon : public testing::TestWithParam<PhaseKind> {
 protected:
  void SetUp() override {
    phase_ = GetParam().make();
    auto arguments = phase_->arguments();
    arguments.insert(arguments.end(), {"--open-timeout", kNever, "--metrics", "127.0.0.1:0"});
    adapter_.emplace(std::move(arguments));
    replica_ = adapter_->replica();
    ASSERT_TRUE(replica_->wait_up());
  }

  void open_into_phase() {
    for (size_t i = 1; i <= kSockets; ++i) replica_->open(socket_key(i), phase_->url());
    ASSERT_TRUE(support::poll([&] { return phase_->inside(*adapter_) == kSockets; }));
  }
  size_t descriptors() {
    const std::filesystem::path all("/proc/" + std::to_string(adapter_->process().pid()) + "/fd");
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(all), {}));
  }
  static double live(MetricValues& values) {
    double out = 0;
    for (const char* state : {"connecting", "open", "closing"}) {
      out += values["icws_adapter_connections{state=\"" + std::string(state) + "\"}"];
    }
    return out;
  }
  // Sanitizers speak by it as well.
  void expect_clean_end() {
    adapter_->process().kill(SIGTERM);
    const auto exit = adapter_->process().wait_exit();
    ASSERT_TRUE(exit);
    EXPECT_TRUE(exit->ok()) << adapter_->process().errors();
  }

  std::unique_ptr<Phase> phase_;
  std::optional<AdapterProcess> adapter_;
  std::unique_ptr<Replica> replica_;
};

INSTANTIATE_TEST_SUITE_P(
    Phases, AdapterAbandon,
    testing::Values(PhaseKind{"Dns", [] { return std::unique_ptr<Phase>(new DnsPhase); }},
                    PhaseKind{"Connect", [] { return std::unique_ptr<Phase>(new ConnectPhase); }},
                    PhaseKind{"Proxy", [] { return std::unique_ptr<Phase>(new ProxyPhase); }},
                    PhaseKind{"Tls", [] { return std::unique_ptr<Phase>(new HandshakePhase(true)); }},
                    PhaseKind{"Upgrade", [] { return std::unique_ptr<Phase>(new HandshakePhase(false)); }},
                    PhaseKind{"Pause", [] { return std::unique_ptr<Phase>(new PausePhase); }}),
    [](const auto& info) { return info.param.name; });

TEST_P(AdapterAbandon, LeavesNothingBehind) {
  // Once, so that what a first connection makes is there.
  support::EchoServer server;
  replica_->open(socket_key(100), server.url());
  ASSERT_EQ(replica_->wait_count(socket_key(100), 1), 1U);
  const size_t before = descriptors();
  open_into_phase();
  EXPECT_GE(descriptors(), before + kSockets * phase_->descriptors());
  const auto retries = adapter_->metrics()["icws_adapter_open_retries_total"];
  for (size_t i = 1; i <= kSockets; ++i)
    replica_->submit(replica::CloseCommand{socket_key(i), 1000, "enough"});
  auto values = adapter_->wait_metrics([](MetricValues& now) { return live(now) == 1; });
  EXPECT_EQ(live(values), 1);
  EXPECT_EQ(values["icws_adapter_lookups"], 0);
  EXPECT_TRUE(support::poll([&] { return descriptors() == before; })) << descriptors() << " " << before;
  for (const auto& [name, value] : values) {
    if (!name.starts_with("icws_adapter_limits_passed_total")) continue;
    EXPECT_EQ(value, 0) << name;
  }
  EXPECT_EQ(values["icws_adapter_open_retries_total"], retries);
  // The other socket lives, and one that shares a key with a closed one is a new one.
  replica_->send(socket_key(100), 1, "still here");
  EXPECT_EQ(replica_->wait_count(socket_key(100), 2), 2U);
  for (size_t i = 1; i <= kSockets; ++i) EXPECT_EQ(replica_->heard().get().events.count(socket_key(i)), 0U);
  replica_->open(socket_key(1), server.url());
  EXPECT_EQ(replica_->wait_count(socket_key(1), 1), 1U);
  expect_clean_end();
}

TEST_P(AdapterAbandon, IsNoHindranceToAStop) {
  open_into_phase();
  expect_clean_end();
}

}  // namespace
}  // namespace icws::adapter
