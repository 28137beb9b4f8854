// Compression (RFC 7692), between an adapter process and independent servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"
#include "tests/unit/ws/peer_deflate.h"

namespace icws::adapter {
namespace {

using transcript::Cause;

constexpr uint8_t kCompressedText = 0xC1;
constexpr char kAccepts[] = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

const auto kCompressed = [](replica::OpenCommand& command) { command.compression = true; };

std::vector<std::string> with_compression(std::vector<std::string> further = {}) {
  further.insert(further.end(), {"--metrics", "127.0.0.1:0", "--compression", "true"});
  return further;
}

support::EchoOptions beast(const support::WebSocketCompression& compression = {}) {
  support::EchoOptions out;
  out.server.compression = compression;
  out.server.fragmented = true;
  return out;
}

// Texts of a feed's form and of all sizes.
std::vector<std::string> sample_texts() {
  std::vector<std::string> out = {"", "short", std::string(300'000, 'x')};
  for (int i = 0; i < 50; ++i) {
    std::string text;
    while (text.size() < 40u * static_cast<size_t>(i)) {
      text += R"({"symbol":"BTCUSD","price":")" + std::to_string(27'000 + i * 13) +
              R"(","caf)"
              "\xC3\xA9"
              R"("},)";
    }
    out.push_back(std::move(text));
  }
  return out;
}

// Sends the samples and expects them back.
void echo_samples(Replica& replica, const replica::SocketKey& key) {
  const auto texts = sample_texts();
  for (size_t i = 0; i < texts.size(); ++i) replica.send(key, i + 1, texts[i]);
  const auto events = replica.wait_events(key, texts.size() + 1);
  ASSERT_EQ(events.size(), texts.size() + 1);
  EXPECT_TRUE(std::holds_alternative<replica::SocketOpened>(events[0].what));
  for (size_t i = 0; i < texts.size(); ++i) ASSERT_TRUE(content(events[i + 1]) == texts[i]) << i;
}

size_t sample_bytes() {
  size_t out = 0;
  for (const auto& text : sample_texts()) out += text.size();
  return out;
}

TEST(AdapterDeflate, SpeaksWithBeastUnderEveryAgreement) {
  for (const bool takeover : {true, false}) {
    AdapterProcess adapter(with_compression({"--compression-context-takeover", takeover ? "true" : "false"}));
    auto replica = adapter.replica();
    ASSERT_TRUE(replica->wait_up());
    uint64_t connection = 0;
    for (const int bits : {9, 12, 15}) {
      for (const bool server_forgets : {false, true}) {
        support::EchoServer server(beast({.server_no_context_takeover = server_forgets,
                                          .client_no_context_takeover = server_forgets,
                                          .server_max_window_bits = bits,
                                          .client_max_window_bits = bits}));
        const auto key = socket_key(++connection);
        replica->open(key, server.url(), kCompressed);
        echo_samples(*replica, key);
        replica->submit(replica::CloseCommand{key, 1000, ""});
        ASSERT_TRUE(server.progress().wait_until([](const auto& progress) { return progress.open == 0; }));
      }
    }
    const auto seen = adapter.wait_metrics(
        [](MetricValues& values) { return values["icws_adapter_connections{state=\"open\"}"] == 0; });
    EXPECT_EQ(seen.at("icws_adapter_opened_compressed_total"), 6);
    const double plain = 6.0 * static_cast<double>(sample_bytes());
    EXPECT_LT(seen.at("icws_adapter_bytes_total{direction=\"sent\"}"), plain / 5);
    EXPECT_LT(seen.at("icws_adapter_bytes_total{direction=\"received\"}"), plain / 5);
    EXPECT_GT(seen.at("icws_adapter_inflated_bytes_total"), plain * 0.9);
    EXPECT_LT(seen.at("icws_adapter_compressed_bytes_total"), plain / 5);
  }
}

TEST(AdapterDeflate, SpeaksWithPythonsWebsockets) {
  support::ChildProcess peer(
      {"/usr/bin/python3", {support::source_file("tests/support/echo_peer.py"), "--compression"}, {}, {}});
  const auto port = support::wait_for_port(peer);
  ASSERT_TRUE(port) << peer.errors();
  AdapterProcess adapter(with_compression());
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), "ws://127.0.0.1:" + std::to_string(*port), kCompressed);
  echo_samples(*replica, socket_key(1));
  const auto seen = adapter.metrics();
  EXPECT_EQ(seen.at("icws_adapter_opened_compressed_total"), 1);
  EXPECT_GT(seen.at("icws_adapter_inflated_bytes_total"), static_cast<double>(sample_bytes()) * 0.9);
}

TEST(AdapterDeflate, IsOffUnlessOperatorCanisterAndServerWantIt) {
  support::EchoServer able(beast());
  support::EchoServer unable;
  AdapterProcess off({"--metrics", "127.0.0.1:0"});
  auto without = off.replica();
  ASSERT_TRUE(without->wait_up());
  without->open(socket_key(1), able.url(), kCompressed);
  echo_samples(*without, socket_key(1));
  EXPECT_EQ(off.metrics().at("icws_adapter_opened_compressed_total"), 0);

  AdapterProcess on(with_compression());
  auto replica = on.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), able.url());
  replica->open(socket_key(2), unable.url(), kCompressed);
  echo_samples(*replica, socket_key(1));
  echo_samples(*replica, socket_key(2));
  EXPECT_EQ(on.metrics().at("icws_adapter_opened_compressed_total"), 0);
  replica->open(socket_key(3), able.url(), kCompressed);
  echo_samples(*replica, socket_key(3));
  EXPECT_EQ(on.metrics().at("icws_adapter_opened_compressed_total"), 1);
}

TEST(AdapterDeflate, OpensWithoutItBeyondTheLimitOfContexts) {
  support::EchoServer server(beast());
  AdapterProcess adapter(with_compression({"--compression-contexts-max", "2"}));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  for (uint64_t i = 1; i <= 3; ++i) {
    replica->open(socket_key(i), server.url(), kCompressed);
    ASSERT_EQ(replica->wait_count(socket_key(i), 1), 1U);
  }
  auto seen = adapter.metrics();
  EXPECT_EQ(seen.at("icws_adapter_opened_compressed_total"), 2);
  EXPECT_EQ(seen.at("icws_adapter_limits_passed_total{limit=\"compression_contexts_max\"}"), 1);
  // One that ends makes room.
  replica->submit(replica::CloseCommand{socket_key(1), 1000, ""});
  adapter.wait_metrics(
      [](MetricValues& values) { return values["icws_adapter_connections{state=\"open\"}"] == 2; });
  replica->open(socket_key(4), server.url(), kCompressed);
  ASSERT_EQ(replica->wait_count(socket_key(4), 1), 1U);
  EXPECT_EQ(adapter.metrics().at("icws_adapter_opened_compressed_total"), 3);
}

// A server with a script of its own, opened with compression, until it ends.
std::optional<replica::SocketClosed> end_of(const support::Script& script, MetricValues* metrics = nullptr) {
  support::HostileServer server(std::nullopt, script);
  AdapterProcess adapter(with_compression());
  auto replica = adapter.replica();
  if (!replica->wait_up()) return std::nullopt;
  replica->open(socket_key(1), server.url(), [](replica::OpenCommand& command) {
    command.compression = true;
    command.message_bytes_max = 1'000'000;
  });
  const auto closed = replica->wait_closed(socket_key(1));
  if (metrics != nullptr) *metrics = adapter.metrics();
  return closed;
}

TEST(AdapterDeflate, EndsBombs) {
  MetricValues metrics;
  // One message that is too large, and many that are not.
  for (const size_t bytes : {size_t{50'000'000}, size_t{100'000}}) {
    const auto closed = end_of(
        [bytes](support::RawConnection& connection) {
          ws::testing::PeerDeflater peer;
          if (!connection.accept_upgrade(kAccepts)) return;
          const Bytes zeros(bytes, '0');
          while (connection.send(support::server_frame(kCompressedText, peer.message(zeros)))) {
          }
        },
        &metrics);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->cause, Cause::MessageTooBig) << closed->detail;
    EXPECT_EQ(closed->code, 1009);
    // Memory and work follow the limits, not the bomb.
    EXPECT_LT(metrics.at("icws_adapter_inflated_bytes_total"), 10'000'000);
#ifndef __SANITIZE_ADDRESS__  // which keeps what was freed
    EXPECT_LT(metrics.at("process_resident_memory_bytes"), 100'000'000);
#endif
  }
  EXPECT_EQ(metrics.at("icws_adapter_limits_passed_total{limit=\"compression_ratio_max\"}"), 1);
}

TEST(AdapterDeflate, EndsCorruptData) {
  const auto closed = end_of([](support::RawConnection& connection) {
    if (connection.accept_upgrade(kAccepts) &&
        connection.send(support::server_frame(kCompressedText, "garbage"))) {
      connection.wait_closed();
    }
  });
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->cause, Cause::Protocol);
  EXPECT_EQ(closed->code, 1007);
}

TEST(AdapterDeflate, RefusesAnAnswerThatWasNotOffered) {
  support::HostileServer server(std::nullopt, [](support::RawConnection& connection) {
    const BytesView request = connection.request();
    const bool offered =
        request.find("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n") !=
        request.npos;
    const Bytes answer =
        offered ? "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16\r\n" : "";
    if (connection.accept_upgrade(answer)) connection.wait_closed();
  });
  AdapterProcess adapter(with_compression());
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url(), kCompressed);
  const auto failed = replica->wait_open_failed(socket_key(1));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cause, Cause::Handshake);
  EXPECT_THAT(failed->detail, testing::HasSubstr("server_max_window_bits"));
}

}  // namespace
}  // namespace icws::adapter
