#include "tests/support/hostile_server.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/support_test/beast_client.h"
#include "tests/support_test/raw_client.h"

namespace icws::support {
namespace {

// The example of RFC 6455, 1.3.
std::string request_for(Hostility hostility) {
  return std::string("GET /") + hostility_name(hostility) +
         " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
}

TEST(HostileServer, AnswersTheRfcExampleWhereItBehaves) {
  const HostileServer server;
  RawClient client(server.port());
  client.send(request_for(Hostility::kEndAfterUpgrade));
  const Bytes answer = client.read(SIZE_MAX);
  EXPECT_THAT(answer, testing::HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_EQ(client.error(), 0);
}

TEST(HostileServer, EncodesFramesInTheShortestForm) {
  EXPECT_EQ(server_frame(0x81, "ab"),
            "\x81\x02"
            "ab");
  EXPECT_EQ(server_frame(0x82, Bytes(126, 'x')).substr(0, 4), Bytes("\x82\x7e\x00\x7e", 4));
  EXPECT_EQ(server_frame(0x82, Bytes(65536, 'x')).substr(0, 10), Bytes("\x82\x7f\0\0\0\0\0\1\0\0", 10));
}

TEST(HostileServer, ResetsWhenTold) {
  const HostileServer server;
  RawClient client(server.port());
  client.send(request_for(Hostility::kResetAtOnce));
  EXPECT_EQ(client.read_some(), "");
  EXPECT_EQ(client.error(), ECONNRESET);
}

TEST(HostileServer, DeliversLegalBytesSlowly) {
  const HostileServer server;
  BeastClient client(server.port(), "/byte-by-byte");
  EXPECT_EQ(client.read(), "hello");
}

TEST(HostileServer, NamesEachHostilityOnce) {
  std::set<std::string> names;
  for (const Hostility hostility : all_hostilities()) names.insert(hostility_name(hostility));
  EXPECT_EQ(names.size(), all_hostilities().size());
  EXPECT_EQ(static_cast<size_t>(Hostility::kByteByByte) + 1, names.size());
  EXPECT_FALSE(names.contains("unknown"));
}

// Each script runs, says something (or is silent as told) and ends with the server, whatever it is doing.
TEST(HostileServer, StopsInTheMiddleOfEveryMisbehaviour) {
  const CertificateAuthority authority;
  for (const bool tls : {false, true}) {
    auto server = std::make_unique<HostileServer>(tls ? std::optional(authority.localhost()) : std::nullopt);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (const Hostility hostility : all_hostilities()) {
      clients.push_back(std::make_unique<RawClient>(server->port()));
      clients.back()->send(tls ? "not a TLS hello" : request_for(hostility));
      const bool silent = tls || hostility == Hostility::kNone || hostility == Hostility::kSilent ||
                          hostility == Hostility::kResetAtOnce;
      if (silent) continue;
      EXPECT_NE(clients.back()->read_some(), "") << hostility_name(hostility);
    }
    server.reset();
  }
}

}  // namespace
}  // namespace icws::support
