// Resumption, with TLS servers over a pair of sockets: what is verified, and what is kept.
#include "adapter/tls_context.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <csignal>
#include <memory>
#include <thread>

#include "adapter/session_cache.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificates.h"

namespace icws::adapter {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

// What: a TLS server for one connection after the other, in a thread each.
class Server {
 public:
  explicit Server(const support::CertificateAndKey& files, size_t tickets = 2)
      : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    const auto bio = [](const std::string& pem) {
      return std::shared_ptr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    };
    const std::shared_ptr<X509> certificate(
        PEM_read_bio_X509(bio(files.certificate_pem).get(), nullptr, nullptr, nullptr), &X509_free);
    const std::shared_ptr<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(bio(files.key_pem).get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    SSL_CTX_use_certificate(context_.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), key.get());
    SSL_CTX_set_num_tickets(context_.get(), tickets);
  }

  void serve(Tcp::socket& socket) const {
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
    SSL_set_fd(ssl.get(), static_cast<int>(socket.native_handle()));
    if (SSL_accept(ssl.get()) == 1) SSL_write(ssl.get(), "x", 1);
  }

 private:
  std::shared_ptr<SSL_CTX> context_;
};

enum class Visit { kFull, kResumed, kRefused };

// What: an authority, a client's context that trusts it, and visits to servers, all under the names that the
// test says.
class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest() {
    // TLS writes with write(2).
    std::signal(SIGPIPE, SIG_IGN);
    settings.ca_file = support::write_file(files / "ca", authority.pem());
  }

  Visit visit(TlsContext& context, const Server& server, const std::string& host, uint16_t port) {
    Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    Tcp::socket ours(io), theirs(io);
    ours.connect(acceptor.local_endpoint());
    acceptor.accept(theirs);
    ours.non_blocking(true);
    std::thread thread([&] {
      server.serve(theirs);
      boost::system::error_code ignored;
      theirs.shutdown(Tcp::socket::shutdown_both, ignored);
    });
    const auto stream = context.make_stream(std::move(ours), host, port, false);
    Visit out = Visit::kRefused;
    if (complete(*stream, [&] { return stream->try_handshake(); })) {
      out = stream->resumed() ? Visit::kResumed : Visit::kFull;
      char byte;
      EXPECT_TRUE(complete(*stream, [&] { return stream->try_read(&byte, 1); }));
    }
    stream->close();
    thread.join();
    return out;
  }

  static bool complete(Stream& stream, const std::function<IoStep()>& attempt) {
    while (true) {
      const auto step = attempt();
      if (step.failure || step.ended) return false;
      if (step.want == IoWant::kNothing) return true;
      pollfd wait{static_cast<int>(stream.socket().native_handle()),
                  static_cast<short>(step.want == IoWant::kRead ? POLLIN : POLLOUT), 0};
      ::poll(&wait, 1, 20'000);
    }
  }

  asio::io_context io{1};
  support::TemporaryDirectory files;
  support::CertificateAuthority authority;
  TlsSettings settings;
};

TEST_F(TlsContextTest, ResumesWithTheSameServer) {
  TlsContext context(settings);
  const Server server(authority.localhost());
  EXPECT_EQ(visit(context, server, "localhost", 443), Visit::kFull);
  EXPECT_EQ(visit(context, server, "localhost", 443), Visit::kResumed);
  // Another port is another destination.
  EXPECT_EQ(visit(context, server, "localhost", 8443), Visit::kFull);
}

// Whoever cannot read the ticket shakes hands in full, and is verified: a stranger on the same address gets
// nothing out of the sessions that were kept.
TEST_F(TlsContextTest, VerifiesWhoeverDoesNotResume) {
  TlsContext context(settings);
  const support::CertificateAuthority stranger("stranger");
  const Server server(authority.localhost());
  const Server renewed(authority.localhost());
  const Server impostor(stranger.localhost());
  EXPECT_EQ(visit(context, server, "localhost", 443), Visit::kFull);
  EXPECT_EQ(visit(context, impostor, "localhost", 443), Visit::kRefused);
  // The failure has put away what was kept.
  EXPECT_EQ(context.sessions(), 0U);
  EXPECT_EQ(visit(context, server, "localhost", 443), Visit::kFull);
  EXPECT_EQ(visit(context, renewed, "localhost", 443), Visit::kFull);
  EXPECT_EQ(visit(context, renewed, "localhost", 443), Visit::kResumed);
}

TEST_F(TlsContextTest, KeepsNoMoreThanItMay) {
  settings.sessions_max = 5;
  TlsContext context(settings);
  // Servers may send many tickets.
  const Server server(authority.localhost(), 8);
  for (uint16_t port = 1; port <= 40; ++port) {
    ASSERT_EQ(visit(context, server, "localhost", port), Visit::kFull);
    ASSERT_LE(context.sessions(), 5U);
    ASSERT_LE(context.session_bytes(),
              5 * SessionCache::kSessionsPerDestination * SessionCache::kSessionBytesMax);
  }
  EXPECT_EQ(visit(context, server, "localhost", 40), Visit::kResumed);
  EXPECT_EQ(visit(context, server, "localhost", 1), Visit::kFull);
}

TEST_F(TlsContextTest, ResumesNothingAcrossAReload) {
  TlsContext context(settings);
  const Server server(authority.localhost());
  EXPECT_EQ(visit(context, server, "localhost", 443), Visit::kFull);
  context.reload(settings);
  EXPECT_EQ(visit(context, server, "localhost", 443), Visit::kFull);
  TlsSettings broken = settings;
  broken.ca_file = "/nowhere.pem";
  EXPECT_THROW(context.reload(broken), std::runtime_error);
  EXPECT_EQ(visit(context, server, "localhost", 443), Visit::kResumed);
}

TEST_F(TlsContextTest, NeedsACertificateWithItsKey) {
  TlsDestination half;
  half.host = "localhost";
  half.certificate_file = settings.ca_file;
  settings.destinations = {half};
  EXPECT_THROW(TlsContext context(settings), std::runtime_error);
}

// OpenSSL has the descriptor's number, which the next file of any thread gets once the socket is closed.
TEST_F(TlsContextTest, LeavesItsDescriptorsNumberAloneOnceItIsClosed) {
  TlsContext context(settings);
  Tcp::acceptor acceptor(io, Tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  Tcp::socket ours(io), theirs(io);
  ours.connect(acceptor.local_endpoint());
  acceptor.accept(theirs);
  const int number = ours.native_handle();
  const auto stream = context.make_stream(std::move(ours), "localhost", 443, false);
  stream->close();
  int others[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, others), 0);
  if (others[0] == number) {
    others[0] = ::dup(number);
  } else {
    ASSERT_EQ(::dup2(others[0], number), number);
  }
  ASSERT_EQ(::write(others[1], "theirs", 6), 6);
  char bytes[100];
  EXPECT_TRUE(stream->try_handshake().failure);
  EXPECT_TRUE(stream->try_write("ours").failure);
  EXPECT_TRUE(stream->try_read(bytes, sizeof bytes).failure);
  stream->end_writing();
  EXPECT_EQ(::read(others[0], bytes, sizeof bytes), 6);
  EXPECT_EQ(::read(others[1], bytes, sizeof bytes), -1);
  for (const int descriptor : {number, others[0], others[1]}) ::close(descriptor);
}

}  // namespace
}  // namespace icws::adapter
