// Every bad input and every hostile server ends with its cause, within its deadline.
#include <gtest/gtest.h>

#include <map>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/echo_server.h"
#include "tests/support/hostile_server.h"
#include "tests/support/reserved_port.h"
#include "tests/support/test_certificates.h"

namespace icws::adapter {
namespace {

using support::Hostility;
using transcript::Cause;

// Short deadlines, yet longer than a server's thread may be held up on a busy machine. `other` goes over
// them.
std::vector<std::string> hasty(const std::map<std::string, std::string>& other = {}) {
  std::map<std::string, std::string> flags = {
      {"--open-timeout", "6000"}, {"--upgrade-timeout", "1500"}, {"--tls-timeout", "1500"},
      {"--ping-after", "3000"},   {"--pong-timeout", "3000"},    {"--open-retry-delay", "10"},
      {"--close-timeout", "300"}, {"--message-timeout", "1500"}, {"--write-timeout", "1000"}};
  for (const auto& [flag, value] : other) flags[flag] = value;
  std::vector<std::string> out;
  for (const auto& [flag, value] : flags) out.insert(out.end(), {flag, value});
  return out;
}

Cause open_failure(Replica& replica, const std::string& url,
                   const std::function<void(replica::OpenCommand&)>& change = {}) {
  static uint64_t connection = 100;
  const auto key = socket_key(++connection);
  replica.open(key, url, change);
  const auto failed = replica.wait_open_failed(key);
  if (!failed) return Cause::Server;
  EXPECT_FALSE(failed->detail.empty());
  return failed->cause;
}

TEST(AdapterFailure, NamesTheCauseOfAFailedOpen) {
  AdapterProcess adapter(hasty());
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  EXPECT_EQ(open_failure(*replica, "http://example.com/"), Cause::InvalidRequest);
  EXPECT_EQ(open_failure(*replica, "ws://user:secret@example.com/"), Cause::InvalidRequest);
  EXPECT_EQ(
      open_failure(*replica, "ws://127.0.0.1/", [](auto& command) { command.headers = {{"Host", "other"}}; }),
      Cause::InvalidRequest);
  EXPECT_EQ(open_failure(*replica, "ws://10.0.0.1/"), Cause::AddressDenied);
  EXPECT_EQ(open_failure(*replica, "ws://[::1]/"), Cause::AddressDenied);
  const support::ReservedPort nobody;
  EXPECT_EQ(open_failure(*replica, "ws://127.0.0.1:" + std::to_string(nobody.number())),
            Cause::ConnectionRefused);
}

TEST(AdapterFailure, VerifiesTheCertificate) {
  support::CertificateAuthority trusted;
  support::CertificateAuthority stranger("stranger");
  support::TemporaryDirectory directory;
  AdapterProcess adapter(hasty({{"--ca-file", support::write_file(directory / "ca", trusted.pem())}}));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto cause = [&](const support::CertificateAndKey& certificate) {
    support::EchoOptions options;
    options.server.tls = certificate;
    support::EchoServer server(options);
    return open_failure(*replica, server.url());
  };
  support::LeafOptions other;
  other.dns_names = {"other.example"};
  other.ip_addresses = {};
  support::LeafOptions expired;
  expired.validity = support::Validity::kExpired;
  EXPECT_EQ(cause(trusted.issue(other)), Cause::Certificate);
  EXPECT_EQ(cause(trusted.issue(expired)), Cause::Certificate);
  EXPECT_EQ(cause(stranger.localhost()), Cause::Certificate);
}

struct HostileCase {
  Hostility hostility;
  Cause cause;
  // The failure comes before the socket has opened.
  bool in_open;
};

TEST(AdapterFailure, EndsASocketWhoseServerAnswersNoPing) {
  support::HostileServer server(std::nullopt, [](support::RawConnection& connection) {
    connection.accept_upgrade();
    connection.wait_closed();
  });
  AdapterProcess adapter(hasty({{"--ping-after", "200"}, {"--pong-timeout", "200"}}));
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  const auto closed = replica->wait_closed(socket_key(1));
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->cause, Cause::Timeout);
}

TEST(AdapterFailure, EndsASocketWhoseServerNeverReads) {
  support::HostileServer server(std::nullopt, [](support::RawConnection& connection) {
    connection.accept_upgrade();
    // Not silent, so that only the standing write can end it.
    const Bytes frame = support::server_frame(0x82, Bytes(16 * 1024, 'x'));
    while (connection.send(frame)) {
    }
  });
  AdapterProcess adapter(hasty());
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  replica->open(socket_key(1), server.url());
  for (uint64_t i = 1; i <= 20; ++i) replica->send(socket_key(1), i, std::string(1'000'000, 'x'));
  const auto closed = replica->wait_closed(socket_key(1));
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->cause, Cause::Timeout) << closed->detail;
}

class AdapterHostile : public testing::TestWithParam<HostileCase> {};

TEST_P(AdapterHostile, EndsWithItsCause) {
  const auto [hostility, cause, in_open] = GetParam();
  support::HostileServer server;
  AdapterProcess adapter(hasty());
  auto replica = adapter.replica();
  ASSERT_TRUE(replica->wait_up());
  const auto key = socket_key(1);
  replica->open(key, server.url(hostility));
  if (in_open) {
    const auto failed = replica->wait_open_failed(key);
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->cause, cause) << failed->detail;
  } else {
    const auto closed = replica->wait_closed(key);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->cause, cause) << closed->detail;
  }
  // The adapter lives and stops in time, whatever the server still does.
  adapter.process().kill(SIGTERM);
  const auto exit = adapter.process().wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, AdapterHostile,
    testing::Values(HostileCase{Hostility::kGarbage, Cause::Handshake, true},
                    HostileCase{Hostility::kWrongAcceptKey, Cause::Handshake, true},
                    HostileCase{Hostility::kForbidden, Cause::Handshake, true},
                    HostileCase{Hostility::kRedirect, Cause::Handshake, true},
                    HostileCase{Hostility::kEndlessHeaders, Cause::Handshake, true},
                    HostileCase{Hostility::kEndlessBody, Cause::Handshake, true},
                    HostileCase{Hostility::kExtensionNotOffered, Cause::Handshake, true},
                    HostileCase{Hostility::kSubprotocolNotOffered, Cause::Handshake, true},
                    HostileCase{Hostility::kSilent, Cause::Timeout, true},
                    HostileCase{Hostility::kResetAtOnce, Cause::Connection, true},
                    HostileCase{Hostility::kNone, Cause::Timeout, true},
                    HostileCase{Hostility::kEndAfterUpgrade, Cause::Connection, false},
                    HostileCase{Hostility::kEndInMessage, Cause::Connection, false},
                    HostileCase{Hostility::kInvalidUtf8, Cause::InvalidUtf8, false},
                    HostileCase{Hostility::kInvalidUtf8Fragmented, Cause::InvalidUtf8, false},
                    HostileCase{Hostility::kOversizeMessage, Cause::MessageTooBig, false},
                    HostileCase{Hostility::kOversizeLength, Cause::Protocol, false},
                    HostileCase{Hostility::kNonMinimalLength, Cause::Protocol, false},
                    HostileCase{Hostility::kMaskedFrame, Cause::Protocol, false},
                    HostileCase{Hostility::kReservedBit, Cause::Protocol, false},
                    HostileCase{Hostility::kReservedOpcode, Cause::Protocol, false},
                    HostileCase{Hostility::kFragmentedControl, Cause::Protocol, false},
                    HostileCase{Hostility::kLongControl, Cause::Protocol, false},
                    HostileCase{Hostility::kContinuationFirst, Cause::Protocol, false},
                    HostileCase{Hostility::kTextInFragments, Cause::Protocol, false},
                    HostileCase{Hostility::kEndlessEmptyFragments, Cause::Protocol, false},
                    HostileCase{Hostility::kBadCloseCode, Cause::Protocol, false},
                    HostileCase{Hostility::kCloseOneByte, Cause::Protocol, false},
                    HostileCase{Hostility::kCloseThenHold, Cause::Server, false},
                    HostileCase{Hostility::kPingFlood, Cause::Protocol, false}),
    [](const auto& info) {
      std::string name = support::hostility_name(info.param.hostility);
      std::erase(name, '-');
      return name;
    });

}  // namespace
}  // namespace icws::adapter
