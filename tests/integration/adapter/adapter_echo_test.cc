// Opening, sending, receiving, closing: ws and wss.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/test_certificates.h"

namespace icws::adapter {
namespace {

using transcript::Cause;

TEST(AdapterEcho, ReturnsMessagesInOrder) {
  support::EchoServer server;
  AdapterProcess adapter;
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto key = socket_key(1);
  replica->open(key, server.url());
  for (uint64_t i = 1; i <= 100; ++i) replica->send(key, i, "message " + std::to_string(i));
  const auto events = replica->wait_events(key, 101);
  ASSERT_EQ(events.size(), 101U);
  EXPECT_TRUE(std::holds_alternative<replica::SocketOpened>(events[0].what));
  for (uint64_t i = 0; i <= 100; ++i) {
    EXPECT_EQ(events[i].sequence.value, i + 1);
    if (i == 0) continue;
    EXPECT_EQ(content(events[i]), "message " + std::to_string(i));
  }
  EXPECT_TRUE(replica->heard().wait_until(
      [&](const Heard& heard) { return heard.sent_up_to.contains(key) && heard.sent_up_to.at(key) == 100; }));
}

TEST(AdapterEcho, SendsASequenceOnce) {
  support::EchoServer server;
  AdapterProcess adapter;
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto key = socket_key(1);
  replica->open(key, server.url());
  replica->open(key, server.url());
  replica->send(key, 1, "a");
  ASSERT_EQ(replica->wait_events(key, 2).size(), 2U);
  replica->send(key, 1, "a");
  replica->send(key, 2, "b");
  const auto events = replica->wait_events(key, 3);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(content(events[2]), "b");
  EXPECT_EQ(server.progress().get().accepted, 1U);
}

TEST(AdapterEcho, SpeaksTlsAndSubprotocols) {
  support::CertificateAuthority authority;
  support::TemporaryDirectory directory;
  const auto roots = support::write_file(directory / "ca.pem", authority.pem());
  support::EchoOptions options;
  options.server.tls = authority.localhost();
  options.server.subprotocols = {"v2.echo"};
  options.server.response_headers = {{"X-Server", "test"}};
  support::EchoServer server(options);
  AdapterProcess adapter({"--ca-file", roots});
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto key = socket_key(1);
  replica->open(key, server.url(), [](replica::OpenCommand& command) {
    command.subprotocols = {"v3.echo", "v2.echo"};
    command.response_headers = {"x-server", "x-absent"};
  });
  const std::string large(300'000, 'x');
  replica->send(key, 1, large);
  const auto events = replica->wait_events(key, 2);
  ASSERT_EQ(events.size(), 2U);
  const auto& opened = std::get<replica::SocketOpened>(events[0].what);
  EXPECT_EQ(opened.subprotocol, "v2.echo");
  EXPECT_THAT(opened.headers, testing::ElementsAre(replica::Header{"x-server", "test"}));
  EXPECT_EQ(content(events[1]), large);
}

TEST(AdapterEcho, TalksToPythonsWebsockets) {
  support::ChildProcess peer(
      {"/usr/bin/python3", {support::source_file("tests/support/echo_peer.py")}, {}, {}});
  const auto port = support::wait_for_port(peer);
  ASSERT_TRUE(port) << peer.errors();
  AdapterProcess adapter;
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto key = socket_key(1);
  replica->open(key, "ws://127.0.0.1:" + std::to_string(*port));
  const std::string large(70'000, 'y');
  replica->send(key, 1, "hello");
  replica->send(key, 2, large);
  const auto events = replica->wait_events(key, 3);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(content(events[1]), "hello");
  EXPECT_EQ(content(events[2]), large);
}

TEST(AdapterEcho, ReportsTheServersClose) {
  support::EchoOptions options;
  options.close_after_messages = 1;
  options.close_code = 4001;
  options.close_reason = "enough";
  support::EchoServer server(options);
  AdapterProcess adapter;
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  replica->send(socket_key(1), 1, "hello");
  const auto closed = replica->wait_closed(socket_key(1));
  ASSERT_TRUE(closed);
  EXPECT_TRUE(closed->clean);
  EXPECT_EQ(closed->code, 4001);
  EXPECT_EQ(closed->reason, "enough");
  EXPECT_EQ(closed->cause, Cause::Server);
  EXPECT_EQ(replica->wait_events(socket_key(1), 3).size(), 3U);
}

TEST(AdapterEcho, ReportsALostConnection) {
  support::EchoServer server;
  AdapterProcess adapter;
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  ASSERT_EQ(replica->wait_events(socket_key(1), 1).size(), 1U);
  // The client may know of the handshake's end before the server counts it among those that it can cut.
  ASSERT_TRUE(server.progress().wait_until([](const auto& progress) { return progress.open == 1; }));
  server.cut_all();
  const auto closed = replica->wait_closed(socket_key(1));
  ASSERT_TRUE(closed);
  EXPECT_FALSE(closed->clean);
  EXPECT_EQ(closed->code, 1006);
  EXPECT_EQ(closed->cause, Cause::Connection);
}

TEST(AdapterEcho, ClosesForTheReplicaAndForgets) {
  support::EchoServer server;
  AdapterProcess adapter;
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  // A canister's codes, and the one of a replica whose transform made a message too big.
  uint64_t connection = 0;
  for (const uint16_t code : {1000, 1009, 3000, 4999}) {
    const auto key = socket_key(++connection);
    replica->open(key, server.url());
    ASSERT_EQ(replica->wait_events(key, 1).size(), 1U);
    replica->submit(replica::CloseCommand{key, code, "done"});
    EXPECT_TRUE(server.progress().wait_until([](const auto& progress) { return progress.open == 0; }))
        << code;
  }
  auto next = adapter.replica();
  ASSERT_TRUE(next->wait_up());
  EXPECT_THAT(next->heard().get().ups[0].sockets, testing::IsEmpty());
}

}  // namespace
}  // namespace icws::adapter
