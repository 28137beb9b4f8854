#include <gmock/gmock.h>

#include "tests/support/echo_server.h"
#include "tests/support/test_certificates.h"
#include "tests/support_test/beast_client.h"

namespace icws::support {
namespace {

// Whether a client that trusts `trusted` and wants "localhost" accepts a server with this certificate.
bool accepted(const CertificateAndKey& certificate, const CertificateAuthority& trusted) {
  EchoOptions options;
  options.server.tls = certificate;
  const EchoServer server(options);
  try {
    const BeastClient client(server.port(), "/", trusted.pem());
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

TEST(TestCertificates, AreGoodOrBadAsOrdered) {
  const CertificateAuthority authority;
  const CertificateAuthority stranger("somebody else");
  LeafOptions expired;
  expired.validity = Validity::kExpired;
  LeafOptions future;
  future.validity = Validity::kNotYetValid;
  LeafOptions other_name;
  other_name.dns_names = {"example.com"};
  other_name.ip_addresses = {};
  EXPECT_TRUE(accepted(authority.localhost(), authority));
  EXPECT_FALSE(accepted(authority.localhost(), stranger));
  EXPECT_FALSE(accepted(authority.issue(expired), authority));
  EXPECT_FALSE(accepted(authority.issue(future), authority));
  EXPECT_FALSE(accepted(authority.issue(other_name), authority));
}

}  // namespace
}  // namespace icws::support
