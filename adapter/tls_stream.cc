// OpenSSL works on the descriptor itself, with released buffers: an idle connection costs 25 KiB, a third of
// what Asio's ssl::stream does. It writes with write(2): the process must ignore SIGPIPE (main does).
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "adapter/stream.h"

namespace icws::adapter {
namespace {

using Tcp = boost::asio::ip::tcp;
using transcript::Cause;

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

std::string newest_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "code " + std::to_string(code);
}

int clamp_size(size_t size) {
  return static_cast<int>(std::min<size_t>(size, std::numeric_limits<int>::max()));
}

class TlsStream final : public Stream {
 public:
  TlsStream(Tcp::socket socket, std::unique_ptr<SSL, SslFree> ssl)
      : Stream(std::move(socket)), ssl_(std::move(ssl)) {}

  IoStep try_handshake() override {
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    if (result == 1) {
      shaken_ = true;
      return {};
    }
    return step(result);
  }

  // A record holds 16 KiB at most: several make one read.
  IoStep try_read(char* data, size_t size) override {
    IoStep out;
    while (out.bytes < size) {
      ERR_clear_error();
      const int result = SSL_read(ssl_.get(), data + out.bytes, clamp_size(size - out.bytes));
      if (result <= 0) {
        // What was read comes first; the next attempt meets the same end again.
        if (out.bytes == 0) return step(result);
        break;
      }
      out.bytes += static_cast<size_t>(result);
    }
    return out;
  }

  IoStep try_write(BytesView data) override {
    ERR_clear_error();
    const int result = SSL_write(ssl_.get(), data.data(), clamp_size(data.size()));
    if (result <= 0) return step(result);
    IoStep out;
    out.bytes = static_cast<size_t>(result);
    return out;
  }

  void end_writing() override {
    if (shaken_ && !broken_) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
    }
    boost::system::error_code ignored;
    socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }

 private:
  IoStep step(int result) {
    const int system_error = errno;
    IoStep out;
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        out.want = IoWant::kRead;
        // A ticket that comes after the handshake makes OpenSSL set up a write buffer, which it would keep
        // until the next write: 16 KiB.
        SSL_free_buffers(ssl_.get());
        break;
      case SSL_ERROR_WANT_WRITE:
        out.want = IoWant::kWrite;
        break;
      case SSL_ERROR_ZERO_RETURN:
        out.ended = true;
        break;
      case SSL_ERROR_SYSCALL:
        broken_ = true;
        if (system_error == 0) {
          out.ended = true;
        } else {
          out.failure = Failure{Cause::Connection,
                                std::string("the connection broke: ") + std::strerror(system_error), true};
        }
        break;
      default:
        broken_ = true;
        out.failure = tls_failure();
    }
    return out;
  }

  Failure tls_failure() const {
    const long verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK) {
      ERR_clear_error();
      return {Cause::Certificate,
              std::string("the server's certificate: ") + X509_verify_cert_error_string(verified), false};
    }
    return {Cause::Tls, "TLS failed: " + newest_error(), false};
  }

  std::unique_ptr<SSL, SslFree> ssl_;
  bool shaken_ = false;
  // After a fatal error OpenSSL forbids SSL_shutdown.
  bool broken_ = false;
};

}  // namespace

struct TlsContext::Impl {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  ~Impl() { SSL_CTX_free(context); }
};

TlsContext::TlsContext(const std::string& ca_file) : impl_(std::make_unique<Impl>()) {
  SSL_CTX* context = impl_->context;
  static constexpr unsigned char kAlpn[] = "\x08http/1.1";
  // ALPN returns 0 for success.
  if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_default_verify_paths(context) != 1 ||
      SSL_CTX_set_alpn_protos(context, kAlpn, sizeof kAlpn - 1) != 0) {
    throw std::runtime_error("cannot set up TLS: " + newest_error());
  }
  if (!ca_file.empty() && SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr) != 1) {
    throw std::runtime_error("cannot read the roots in " + ca_file + ": " + newest_error());
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // A missing close_notify is an end like any other: the Close frame says whether the end was clean.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
}

TlsContext::~TlsContext() = default;

std::unique_ptr<Stream> TlsContext::make_stream(Tcp::socket socket, const std::string& host,
                                                bool is_literal) const {
  std::unique_ptr<SSL, SslFree> ssl(SSL_new(impl_->context));
  if (!ssl) throw std::bad_alloc();
  auto* verify = SSL_get0_param(ssl.get());
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int named = is_literal ? X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str())
                               : X509_VERIFY_PARAM_set1_host(verify, host.c_str(), host.size());
  // Literals have no SNI (RFC 6066, section 3).
  const bool sni = is_literal || SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1;
  if (named != 1 || !sni || SSL_set_fd(ssl.get(), socket.native_handle()) != 1) {
    throw std::runtime_error("cannot set up TLS for " + host + ": " + newest_error());
  }
  return std::make_unique<TlsStream>(std::move(socket), std::move(ssl));
}

}  // namespace icws::adapter
