// TLS with servers of every kind: certificates of both sides, ALPN, resumption.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>

#include "tests/integration/adapter/fixture.h"
#include "tests/support/hostile_server.h"
#include "tests/support/test_certificates.h"

namespace icws::adapter {
namespace {

using support::CertificateAndKey;
using support::CertificateAuthority;
using support::HostileServer;
using support::RawConnection;
using transcript::Cause;

// What a server saw of its connections.
struct Seen {
  size_t opened = 0;
  size_t resumed = 0;
  size_t with_certificate = 0;
};

// What: a TLS server that accepts WebSockets and notes how its clients came.
struct Server {
  Server(const CertificateAndKey& certificate, const support::ConfigureTls& configure = {})
      : server(
            certificate,
            [this](RawConnection& connection) {
              const std::unique_ptr<X509, decltype(&X509_free)> certificate_seen(
                  SSL_get1_peer_certificate(connection.tls()), &X509_free);
              seen.update([&](Seen& one) {
                ++one.opened;
                if (SSL_session_reused(connection.tls()) == 1) ++one.resumed;
                if (certificate_seen) ++one.with_certificate;
              });
              connection.accept_upgrade();
              connection.send(support::server_frame(0x81, "hello"));
              connection.wait_closed();
            },
            configure) {}
  std::string url() const { return server.url() + "/"; }

  support::Watched<Seen> seen;
  HostileServer server;
};

// What: an adapter, the roots that it trusts, and verbs.
struct Scene {
  explicit Scene(std::vector<std::string> further = {}) {
    further.insert(further.end(),
                   {"--ca-file", support::write_file(files / "ca", authority.pem()), "--open-attempts-max",
                    "1", "--opens-per-second-per-destination-max", "1000"});
    adapter.emplace(further);
    replica = adapter->replica();
    EXPECT_TRUE(replica->wait_up());
  }

  // Opens, hears the first message (after which the server's tickets have come) and closes.
  bool visits(const std::string& url) {
    const auto key = socket_key(++connection);
    replica->open(key, url);
    const auto events = replica->wait_events(key, 2);
    const bool heard = events.size() == 2 && content(events[1]) == "hello";
    replica->submit(replica::CloseCommand{key, 1000, ""});
    return heard;
  }

  Cause fails(const std::string& url) {
    const auto key = socket_key(++connection);
    replica->open(key, url);
    const auto failed = replica->wait_open_failed(key);
    return failed ? failed->cause : Cause::Server;
  }

  support::TemporaryDirectory files;
  CertificateAuthority authority;
  std::optional<AdapterProcess> adapter;
  std::unique_ptr<Replica> replica;
  uint64_t connection = 0;
};

support::ConfigureTls at_most(int version) {
  return [version](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, version); };
}

class AdapterTlsResumption : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, AdapterTlsResumption, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& info) { return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(AdapterTlsResumption, ResumesFromTheSecondConnectionOn) {
  Scene scene;
  Server server(scene.authority.localhost(), at_most(GetParam()));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(scene.visits(server.url()));
  const auto seen = server.seen.get();
  EXPECT_EQ(seen.opened, 4U);
  EXPECT_EQ(seen.resumed, 3U);
}

TEST_P(AdapterTlsResumption, CanBeTurnedOff) {
  Scene scene({"--tls-sessions", "0"});
  Server server(scene.authority.localhost(), at_most(GetParam()));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(scene.visits(server.url()));
  EXPECT_EQ(server.seen.get().resumed, 0U);
}

TEST_P(AdapterTlsResumption, ForgetsTheLeastRecentlyUsedServer) {
  Scene scene({"--tls-sessions", "2"});
  std::vector<std::unique_ptr<Server>> servers;
  for (int i = 0; i < 3; ++i) {
    servers.push_back(std::make_unique<Server>(scene.authority.localhost(), at_most(GetParam())));
    ASSERT_TRUE(scene.visits(servers.back()->url()));
  }
  // The second visit to the first puts the second one out.
  for (const auto& server : servers) ASSERT_TRUE(scene.visits(server->url()));
  EXPECT_EQ(servers[0]->seen.get().resumed, 0U);
}

support::ConfigureTls selecting(const char* protocol) {
  return [protocol](SSL_CTX* context) {
    SSL_CTX_set_alpn_select_cb(
        context,
        [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char*, unsigned,
           void* wanted) {
          const auto* text = static_cast<const char*>(wanted);
          *out = reinterpret_cast<const unsigned char*>(text);
          *size = static_cast<unsigned char>(std::char_traits<char>::length(text));
          return SSL_TLSEXT_ERR_OK;
        },
        const_cast<char*>(protocol));
  };
}

TEST(AdapterTls, RefusesAnotherAlpnProtocol) {
  Scene scene;
  Server good(scene.authority.localhost(), selecting("http/1.1"));
  Server bad(scene.authority.localhost(), selecting("h2"));
  EXPECT_TRUE(scene.visits(good.url()));
  EXPECT_EQ(scene.fails(bad.url()), Cause::Tls);
}

TEST(AdapterTls, RefusesOldVersions) {
  Scene scene;
  Server old(scene.authority.localhost(), [](SSL_CTX* context) {
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_1_VERSION);
    SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
  });
  EXPECT_EQ(scene.fails(old.url()), Cause::Tls);
}

TEST(AdapterTls, TellsCertificatesApart) {
  Scene scene;
  CertificateAuthority stranger("stranger");
  support::LeafOptions other;
  other.dns_names = {"other.example", "*.localhost", "localhost.example"};
  other.ip_addresses = {};
  support::LeafOptions expired, future;
  expired.validity = support::Validity::kExpired;
  future.validity = support::Validity::kNotYetValid;
  for (const auto& certificate : {scene.authority.issue(other), scene.authority.issue(expired),
                                  scene.authority.issue(future), stranger.localhost()}) {
    Server server(certificate);
    EXPECT_EQ(scene.fails(server.url()), Cause::Certificate);
    EXPECT_EQ(server.seen.get().opened, 0U);
  }
  // The name is verified for addresses as well.
  support::LeafOptions without_address;
  without_address.ip_addresses = {};
  Server named(scene.authority.issue(without_address));
  EXPECT_TRUE(scene.visits(named.url()));
  EXPECT_EQ(scene.fails("wss://127.0.0.1:" + std::to_string(named.server.port()) + "/"), Cause::Certificate);
}

// --- Settings for single hosts.

// Wants a certificate of the authority's.
support::ConfigureTls wanting(const CertificateAuthority& authority, int version) {
  return [pem = authority.pem(), version](SSL_CTX* context) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> root(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get());
    X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(context), X509_PURPOSE_ANY);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("test"), 4);
    SSL_CTX_set_max_proto_version(context, version);
  };
}

class AdapterClientCertificate : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Versions, AdapterClientCertificate, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& info) { return info.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_P(AdapterClientCertificate, IsShownToItsHostAlone) {
  const CertificateAuthority clients("clients");
  support::LeafOptions leaf;
  leaf.dns_names = {"node-1"};
  const auto own = clients.issue(leaf);
  const support::TemporaryDirectory files;
  const auto certificate = support::write_file(files / "own.pem", own.certificate_pem).string();
  const auto key = support::write_file(files / "own.key", own.key_pem).string();
  const auto config = support::write_file(
      files / "adapter.json", R"({"tls_destinations": [{"host": "localhost", "certificate_file": ")" +
                                  certificate + R"(", "key_file": ")" + key + R"("}]})");
  Scene scene({"--config", config});
  Server wants(scene.authority.localhost(), wanting(clients, GetParam()));
  EXPECT_TRUE(scene.visits(wants.url()));
  EXPECT_TRUE(scene.visits(wants.url()));
  EXPECT_EQ(wants.seen.get().with_certificate, 2U);
  // By its address it is another host: no certificate is shown, and the server ends the handshake.
  const auto cause = scene.fails("wss://127.0.0.1:" + std::to_string(wants.server.port()) + "/");
  EXPECT_TRUE(cause == Cause::Tls || cause == Cause::Connection) << static_cast<int>(cause);
  EXPECT_EQ(wants.seen.get().opened, 2U);
}

TEST(AdapterTls, TrustsARootForOneHostAlone) {
  const CertificateAuthority special("special");
  const support::TemporaryDirectory files;
  const auto root = support::write_file(files / "special.pem", special.pem()).string();
  const auto config =
      support::write_file(files / "adapter.json",
                          R"({"tls_destinations": [{"host": "localhost", "ca_file": ")" + root + R"("}]})");
  Scene scene({"--config", config});
  Server server(special.localhost());
  EXPECT_TRUE(scene.visits(server.url()));
  EXPECT_EQ(scene.fails("wss://127.0.0.1:" + std::to_string(server.server.port()) + "/"), Cause::Certificate);
  // What is trusted anyway is trusted there, too.
  Server usual(scene.authority.localhost());
  EXPECT_TRUE(scene.visits(usual.url()));
}

TEST(AdapterTls, DoesNotStartWithFilesThatItCannotUse) {
  const support::TemporaryDirectory files;
  const auto config =
      support::write_file(files / "adapter.json",
                          R"({"tls_destinations": [{"host": "a.example", "certificate_file": "/nowhere.pem",
                                  "key_file": "/nowhere.key"}]})");
  AdapterProcess adapter({"--config", config});
  const auto exit = adapter.process().wait_exit();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, 1);
  EXPECT_NE(adapter.process().errors().find("/nowhere.pem"), std::string::npos);
}

}  // namespace
}  // namespace icws::adapter
