// OpenSSL works on the descriptor itself, with released buffers: an idle connection costs 25 KiB, a third of
// what Asio's ssl::stream does. It writes with write(2): the process must ignore SIGPIPE (main does).
#include "adapter/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace icws::adapter {

std::string newest_tls_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown";
  const char* reason = ERR_reason_error_string(code);
  return reason ? reason : "code " + std::to_string(code);
}

namespace {

using Tcp = boost::asio::ip::tcp;
using transcript::Cause;

int slot_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int clamp_size(size_t size) {
  return static_cast<int>(std::min<size_t>(size, std::numeric_limits<int>::max()));
}

// Each costs microseconds, however little it holds: a server that puts every byte into a record of its own
// would else keep the thread for a fifth of a second a read.
constexpr int kRecordsPerReadMax = 16;

class TlsStream final : public Stream {
 public:
  TlsStream(Tcp::socket socket, SslHandle ssl, SessionSlot slot)
      : Stream(std::move(socket)), slot_(std::move(slot)), ssl_(std::move(ssl)) {
    SSL_set_ex_data(ssl_.get(), slot_index(), &slot_);
  }

  IoStep try_handshake() override {
    if (!socket().is_open()) return closed();
    ERR_clear_error();
    const int result = SSL_connect(ssl_.get());
    IoStep out;
    if (result != 1) {
      out = step(result);
      if (broken_ || out.ended) slot_.cache->forget(slot_.destination);
      return out;
    }
    shaken_ = true;
    out.failure = alpn_failure();
    return out;
  }

  bool resumed() const override { return SSL_session_reused(ssl_.get()) == 1; }

  // A record holds 16 KiB at most: several make one read.
  using Stream::try_read;
  IoStep try_read(std::span<char> first, std::span<char> second) override {
    if (!socket().is_open()) return closed();
    IoStep out;
    const size_t size = first.size() + second.size();
    for (int records = 0; out.bytes < size && records < kRecordsPerReadMax; ++records) {
      const auto place =
          out.bytes < first.size() ? first.subspan(out.bytes) : second.subspan(out.bytes - first.size());
      ERR_clear_error();
      const int result = SSL_read(ssl_.get(), place.data(), clamp_size(place.size()));
      if (result <= 0) {
        if (out.bytes == 0) return step(result);
        // What was read comes first; if this is an end, the next attempt meets it again.
        out.drained = SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
        if (out.drained) free_buffers();
        break;
      }
      out.bytes += static_cast<size_t>(result);
    }
    return out;
  }

  IoStep try_write(BytesView data) override {
    if (!socket().is_open()) return closed();
    ERR_clear_error();
    const int result = SSL_write(ssl_.get(), data.data(), clamp_size(data.size()));
    if (result <= 0) return step(result);
    IoStep out;
    out.bytes = static_cast<size_t>(result);
    return out;
  }

  void end_writing() override {
    if (!socket().is_open()) return;
    if (shaken_ && !broken_) {
      ERR_clear_error();
      SSL_shutdown(ssl_.get());
    }
    boost::system::error_code ignored;
    socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }

 private:
  // OpenSSL would go on with the descriptor's number, which another thread's file may have by now: an open
  // that is given up closes its socket between two steps. (Asio asks for plain streams.)
  static IoStep closed() { return failed(EBADF); }

  static IoStep failed(int system_error) {
    IoStep out;
    out.failure =
        Failure{Cause::Connection, std::string("the connection broke: ") + std::strerror(system_error), true};
    return out;
  }

  IoStep step(int result) {
    const int system_error = errno;
    IoStep out;
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        out.want = IoWant::kRead;
        free_buffers();
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
          return failed(system_error);
        }
        break;
      default:
        broken_ = true;
        out.failure = tls_failure();
    }
    return out;
  }

  // No selection is a server that does not know ALPN, and speaks HTTP/1.1.
  std::optional<Failure> alpn_failure() const {
    const unsigned char* selected = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &selected, &size);
    if (size == 0 || BytesView(reinterpret_cast<const char*>(selected), size) == "http/1.1") return {};
    return Failure{Cause::Tls, "the server selected another protocol than http/1.1 (ALPN)", false};
  }

  // A ticket that comes after the handshake makes OpenSSL set up a write buffer, which it would keep until
  // the next write: 16 KiB.
  void free_buffers() { SSL_free_buffers(ssl_.get()); }

  Failure tls_failure() const {
    const long verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK) {
      ERR_clear_error();
      return {Cause::Certificate,
              std::string("the server's certificate: ") + X509_verify_cert_error_string(verified), false};
    }
    return {Cause::Tls, "TLS failed: " + newest_tls_error(), false};
  }

  // Before ssl_, whose callback refers to it.
  SessionSlot slot_;
  SslHandle ssl_;
  bool shaken_ = false;
  // After a fatal error OpenSSL forbids SSL_shutdown.
  bool broken_ = false;
};

}  // namespace

SessionSlot* slot_of(const SSL* ssl) { return static_cast<SessionSlot*>(SSL_get_ex_data(ssl, slot_index())); }

std::unique_ptr<Stream> make_tls_stream(Tcp::socket socket, SslHandle ssl, SessionSlot slot) {
  if (SSL_set_fd(ssl.get(), socket.native_handle()) != 1) {
    throw std::runtime_error("cannot set up TLS: " + newest_tls_error());
  }
  return std::make_unique<TlsStream>(std::move(socket), std::move(ssl), std::move(slot));
}

}  // namespace icws::adapter
