// What an adapter process counts while it works, as a monitoring system reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"
#include "tests/support/local_client.h"
#include "tests/support/reserved_port.h"

namespace icws::adapter {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kMetrics{"--metrics", "127.0.0.1:0"};

TEST(AdapterMetrics, CountWhatASocketDoes) {
  support::EchoServer server;
  AdapterProcess adapter(kMetrics);
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto key = socket_key(1);
  replica->open(key, server.url());
  for (uint64_t i = 1; i <= 100; ++i) replica->send(key, i, "0123456789");
  ASSERT_EQ(replica->wait_events(key, 101).size(), 101U);
  auto seen = adapter.metrics();
  EXPECT_EQ(seen["icws_adapter_opens_total"], 1);
  EXPECT_EQ(seen["icws_adapter_opened_total"], 1);
  EXPECT_EQ(seen["icws_adapter_connections{state=\"open\"}"], 1);
  EXPECT_EQ(seen["icws_adapter_messages_total{direction=\"sent\"}"], 100);
  EXPECT_EQ(seen["icws_adapter_messages_total{direction=\"received\"}"], 100);
  // Two bytes of header, ten of payload, and four of mask on our side.
  EXPECT_EQ(seen["icws_adapter_bytes_total{direction=\"sent\"}"], 1'600);
  EXPECT_EQ(seen["icws_adapter_bytes_total{direction=\"received\"}"], 1'200);
  EXPECT_EQ(seen["icws_adapter_buffered_events"], 101);
  EXPECT_EQ(seen["icws_adapter_subscribers"], 1);
  EXPECT_EQ(seen["icws_adapter_calls_total{method=\"Open\",code=\"OK\"}"], 1);
  EXPECT_GE(seen["icws_adapter_calls_total{method=\"Send\",code=\"OK\"}"], 1);
  EXPECT_EQ(seen["icws_adapter_connect_seconds_count"], 1);
  EXPECT_EQ(seen["icws_adapter_upgrade_seconds_count"], 1);
  EXPECT_EQ(seen["icws_adapter_first_byte_seconds_count"], 1);
  EXPECT_EQ(seen["icws_adapter_tls_seconds_count"], 0);
  EXPECT_GT(seen["process_resident_memory_bytes"], 1e6);

  replica->acknowledge(key, 101);
  seen =
      adapter.wait_metrics([](MetricValues& values) { return values["icws_adapter_buffered_events"] == 0; });
  EXPECT_EQ(seen["icws_adapter_buffered_bytes"], 0);
  EXPECT_EQ(seen["icws_adapter_acknowledge_seconds_count"], 1);
  replica->submit(replica::CloseCommand{key, 1000, "bye"});
  seen = adapter.wait_metrics([](MetricValues& values) {
    return values["icws_adapter_connections{state=\"closing\"}"] == 0 &&
           values["icws_adapter_connections{state=\"open\"}"] == 0;
  });
  EXPECT_EQ(seen["icws_adapter_ends_total{cause=\"canister\"}"], 1);
  // Our Close frame and the server's.
  EXPECT_EQ(seen["icws_adapter_control_frames_total{direction=\"sent\"}"], 1);
}

TEST(AdapterMetrics, CountFailuresByCauseAndLimit) {
  const support::ReservedPort nobody;
  support::HostileServer silent(std::nullopt,
                                [](support::RawConnection& connection) { connection.wait_closed(); });
  auto arguments = kMetrics;
  arguments.insert(arguments.end(), {"--upgrade-timeout", "50", "--open-attempts-max", "2",
                                     "--open-retry-delay", "1", "--connections-max", "2"});
  AdapterProcess adapter(arguments);
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), "ws://127.0.0.1:" + std::to_string(nobody.number()) + "/");
  ASSERT_TRUE(replica->wait_open_failed(socket_key(1)));
  replica->open(socket_key(2), silent.url());
  ASSERT_TRUE(replica->wait_open_failed(socket_key(2)));
  replica->open(socket_key(3), "ws://10.0.0.1/");
  ASSERT_TRUE(replica->wait_open_failed(socket_key(3)));
  auto seen = adapter.metrics();
  EXPECT_EQ(seen["icws_adapter_open_failures_total{cause=\"connection_refused\"}"], 1);
  EXPECT_EQ(seen["icws_adapter_open_failures_total{cause=\"timeout\"}"], 1);
  EXPECT_EQ(seen["icws_adapter_open_failures_total{cause=\"address_denied\"}"], 1);
  EXPECT_EQ(seen["icws_adapter_limits_passed_total{limit=\"upgrade_timeout\"}"], 2);
  EXPECT_EQ(seen["icws_adapter_limits_passed_total{limit=\"open_attempts_max\"}"], 2);
  EXPECT_EQ(seen["icws_adapter_open_retries_total"], 2);

  support::HostileServer ping(std::nullopt, [](support::RawConnection& connection) {
    connection.accept_upgrade();
    connection.wait_closed();
  });
  for (uint64_t i = 4; i <= 6; ++i) replica->open(socket_key(i), ping.url());
  seen = adapter.wait_metrics([](MetricValues& values) {
    return values["icws_adapter_limits_passed_total{limit=\"connections_max\"}"] > 0;
  });
  EXPECT_GE(seen["icws_adapter_limits_passed_total{limit=\"connections_max\"}"], 1);
  EXPECT_GE(seen["icws_adapter_calls_total{method=\"Open\",code=\"RESOURCE_EXHAUSTED\"}"], 1);
}

TEST(AdapterMetrics, CountAPauseAndItsLimit) {
  support::HostileServer server(std::nullopt, [](support::RawConnection& connection) {
    connection.accept_upgrade();
    for (int i = 0; i < 10; ++i) connection.send(support::server_frame(0x82, "message"));
    connection.wait_closed();
  });
  auto arguments = kMetrics;
  arguments.insert(arguments.end(), {"--events-max", "3"});
  AdapterProcess adapter(arguments);
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  auto seen = adapter.wait_metrics(
      [](MetricValues& values) { return values["icws_adapter_connections_paused"] == 1; });
  EXPECT_EQ(seen["icws_adapter_connections_paused"], 1);
  EXPECT_EQ(seen["icws_adapter_pauses_total"], 1);
  EXPECT_EQ(seen["icws_adapter_limits_passed_total{limit=\"events_max\"}"], 1);
}

// Read by the Prometheus project's own parser.
TEST(AdapterMetrics, AreWhatPrometheusReads) {
  AdapterProcess adapter(kMetrics);
  const auto page = adapter.directory() / "page";
  const auto text = support::http_body(support::http_get(adapter.metrics_address(), "/metrics"));
  std::ofstream(page) << text;
  size_t families = 0;
  for (size_t at = text.find("# TYPE "); at != std::string::npos; at = text.find("# TYPE ", at + 1))
    ++families;
  support::ChildProcess parser(
      {"/usr/bin/python3",
       {"-c",
        "import sys\n"
        "from prometheus_client.parser import text_string_to_metric_families as parse\n"
        "families = list(parse(open(sys.argv[1]).read()))\n"
        "assert all(family.documentation and family.type != 'unknown' for family in families), families\n"
        "print('families', len(families))\n",
        page},
       {},
       {}});
  const auto exit = parser.wait_exit();
  ASSERT_TRUE(exit && exit->ok()) << parser.errors();
  EXPECT_THAT(parser.output(), HasSubstr("families " + std::to_string(families) + "\n"));
}

}  // namespace
}  // namespace icws::adapter
