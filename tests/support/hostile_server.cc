#include "tests/support/hostile_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <stdexcept>
#include <system_error>

#include "tests/support/connection_threads.h"
#include "tests/support/hostile_scripts.h"

namespace icws::support {
namespace {

constexpr size_t kRequestBytesMax = 256 * 1024;

using TlsContext = std::shared_ptr<SSL_CTX>;

void check_tls(bool good) {
  if (!good) throw std::runtime_error("cannot use the test certificate");
}

TlsContext make_tls(const HostileTransport& transport) {
  const CertificateAndKey& files = *transport.tls;
  const TlsContext context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  const auto bio = [](const std::string& pem) {
    return std::shared_ptr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  };
  const std::shared_ptr<X509> certificate(
      PEM_read_bio_X509(bio(files.certificate_pem).get(), nullptr, nullptr, nullptr), &X509_free);
  const std::shared_ptr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio(files.key_pem).get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  check_tls(certificate && key && SSL_CTX_use_certificate(context.get(), certificate.get()) == 1 &&
            SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
  if (transport.configure_tls) transport.configure_tls(context.get());
  return context;
}

// OpenSSL's own socket BIO writes with write(2) and as much at a time as there is.
int bio_write(BIO* bio, const char* data, int size);
int bio_read(BIO* bio, char* data, int size);

const BIO_METHOD* dribbling_bio() {
  static const std::shared_ptr<BIO_METHOD> method = [] {
    std::shared_ptr<BIO_METHOD> out(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "dribbling"), &BIO_meth_free);
    BIO_meth_set_write(out.get(), &bio_write);
    BIO_meth_set_read(out.get(), &bio_read);
    BIO_meth_set_ctrl(out.get(),
                      [](BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1L : 0L; });
    return out;
  }();
  return method.get();
}

// The socket is closed by its own thread only; the server's stop() merely shuts it down, under the same lock.
class Connection final : public RawConnection {
 public:
  Connection(int socket, TlsContext tls, std::optional<std::chrono::milliseconds> dribble,
             const Event& stopping)
      : socket_(socket), tls_(std::move(tls)), dribble_(dribble), stopping_(stopping) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Connection() override { close_socket(); }

  // False if there is no request to answer.
  bool begin() {
    if (tls_) {
      ssl_.reset(SSL_new(tls_.get()));
      BIO* bio = BIO_new(dribbling_bio());
      BIO_set_data(bio, this);
      BIO_set_init(bio, 1);
      SSL_set_bio(ssl_.get(), bio, bio);
      if (SSL_accept(ssl_.get()) != 1) return false;
    }
    while (request_.find("\r\n\r\n") == std::string::npos) {
      const Bytes more = read_some();
      if (more.empty() || request_.size() > kRequestBytesMax) return false;
      request_ += more;
    }
    return true;
  }

  // FIN, then patience: closing with unread bytes would be a reset.
  void finish() {
    if (socket_ < 0) return;
    ::shutdown(socket_, SHUT_WR);
    wait_closed();
    close_socket();
  }

  void interrupt() {
    const std::lock_guard lock(closing_);
    if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  }

  const std::string& request() const override { return request_; }

  bool send(BytesView bytes) override {
    if (!ssl_) return send_raw(bytes);
    while (!bytes.empty() && socket_ >= 0) {
      const int sent = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return socket_ >= 0 && !gone_ && !stopping_.is_set();
  }

  // Below TLS.
  bool send_raw(BytesView bytes) {
    while (!bytes.empty() && socket_ >= 0) {
      if (dribble_ && dribble_->count() > 0 && !pause(*dribble_)) return false;
      const ssize_t sent = ::send(socket_, bytes.data(), dribble_ ? 1 : bytes.size(), MSG_NOSIGNAL);
      gone_ = gone_ || sent <= 0;
      if (gone_) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return socket_ >= 0 && !stopping_.is_set();
  }
  ssize_t receive_raw(char* data, size_t size) { return ::recv(socket_, data, size, 0); }

  bool accept_upgrade(BytesView further_headers) override {
    return send(upgrade_answer(request_, further_headers));
  }

  Bytes read_some() override {
    if (socket_ < 0) return {};
    std::array<char, 16384> buffer;
    const ssize_t size = ssl_ ? SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()))
                              : receive_raw(buffer.data(), buffer.size());
    return size > 0 ? Bytes(buffer.data(), static_cast<size_t>(size)) : Bytes();
  }

  void wait_closed() override {
    while (!read_some().empty()) {
    }
  }

  void hold() override {
    while (!stopping_.wait(std::chrono::hours(1))) {
    }
  }

  bool pause(std::chrono::milliseconds duration) override { return !stopping_.wait(duration); }

  void narrow() override {
    const int least = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
  }

  ssl_st* tls() override { return ssl_.get(); }

  void reset() override {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close_socket();
  }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void close_socket() {
    const std::lock_guard lock(closing_);
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  std::mutex closing_;
  int socket_;
  TlsContext tls_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  const std::optional<std::chrono::milliseconds> dribble_;
  const Event& stopping_;
  std::string request_;
  // A write failed. (OpenSSL does not tell in every state.)
  bool gone_ = false;
};

int bio_write(BIO* bio, const char* data, int size) {
  const bool sent = static_cast<Connection*>(BIO_get_data(bio))->send_raw({data, static_cast<size_t>(size)});
  return sent ? size : -1;
}

int bio_read(BIO* bio, char* data, int size) {
  return static_cast<int>(
      static_cast<Connection*>(BIO_get_data(bio))->receive_raw(data, static_cast<size_t>(size)));
}

// "/garbage" or "/garbage?x=y" to the misbehaviour of that name.
std::optional<Hostility> named_hostility(const std::string& request) {
  const size_t begin = request.find('/') + 1;
  const std::string name = request.substr(begin, request.find_first_of(" ?", begin) - begin);
  for (const Hostility hostility : all_hostilities()) {
    if (name == hostility_name(hostility)) return hostility;
  }
  return std::nullopt;
}

struct Name {
  Hostility hostility;
  const char* text;
};

constexpr Name kNames[] = {
    {Hostility::kNone, "none"},
    {Hostility::kGarbage, "garbage"},
    {Hostility::kWrongAcceptKey, "wrong-accept-key"},
    {Hostility::kForbidden, "forbidden"},
    {Hostility::kRedirect, "redirect"},
    {Hostility::kEndlessHeaders, "endless-headers"},
    {Hostility::kEndlessBody, "endless-body"},
    {Hostility::kExtensionNotOffered, "extension-not-offered"},
    {Hostility::kSubprotocolNotOffered, "subprotocol-not-offered"},
    {Hostility::kSilent, "silent"},
    {Hostility::kResetAtOnce, "reset-at-once"},
    {Hostility::kResetAfterUpgrade, "reset-after-upgrade"},
    {Hostility::kEndAfterUpgrade, "end-after-upgrade"},
    {Hostility::kEndInMessage, "end-in-message"},
    {Hostility::kInvalidUtf8, "invalid-utf8"},
    {Hostility::kInvalidUtf8Fragmented, "invalid-utf8-fragmented"},
    {Hostility::kOversizeMessage, "oversize-message"},
    {Hostility::kOversizeLength, "oversize-length"},
    {Hostility::kNonMinimalLength, "non-minimal-length"},
    {Hostility::kMaskedFrame, "masked-frame"},
    {Hostility::kReservedBit, "reserved-bit"},
    {Hostility::kReservedOpcode, "reserved-opcode"},
    {Hostility::kFragmentedControl, "fragmented-control"},
    {Hostility::kLongControl, "long-control"},
    {Hostility::kContinuationFirst, "continuation-first"},
    {Hostility::kTextInFragments, "text-in-fragments"},
    {Hostility::kEndlessEmptyFragments, "endless-empty-fragments"},
    {Hostility::kBadCloseCode, "bad-close-code"},
    {Hostility::kCloseOneByte, "close-one-byte"},
    {Hostility::kCloseThenHold, "close-then-hold"},
    {Hostility::kPingFlood, "ping-flood"},
    {Hostility::kByteByByte, "byte-by-byte"},
};

}  // namespace

const std::vector<Hostility>& all_hostilities() {
  static const std::vector<Hostility> all = [] {
    std::vector<Hostility> out;
    for (const Name& name : kNames) out.push_back(name.hostility);
    return out;
  }();
  return all;
}

const char* hostility_name(Hostility hostility) {
  for (const Name& name : kNames) {
    if (name.hostility == hostility) return name.text;
  }
  return "unknown";
}

class HostileServer::Impl {
 public:
  Impl(HostileTransport transport, Script otherwise)
      : transport_(std::move(transport)),
        otherwise_(std::move(otherwise)),
        tls_(transport_.tls ? make_tls(transport_) : nullptr),
        threads_("127.0.0.1", [this](int socket, const Event& stopping) {
          accepted_.update([](size_t& count) { ++count; });
          return std::make_unique<Served>(socket, *this, stopping);
        }) {}

  std::string url() const { return (tls_ ? "wss://localhost:" : "ws://127.0.0.1:") + std::to_string(port()); }
  uint16_t port() const { return threads_.port(); }
  const Watched<size_t>& accepted() const { return accepted_; }

 private:
  class Served final : public ConnectionThreads::Served {
   public:
    Served(int socket, const Impl& server, const Event& stopping)
        : server_(server), connection_(socket, server.tls_, server.transport_.dribble, stopping) {}
    void run() override { server_.serve(connection_); }
    void interrupt() override { connection_.interrupt(); }

   private:
    const Impl& server_;
    Connection connection_;
  };

  void serve(Connection& connection) const {
    if (transport_.at_once) {
      otherwise_(connection);
    } else if (connection.begin()) {
      const auto named = named_hostility(connection.request());
      const Script script =
          named || !otherwise_ ? hostile_script(named.value_or(Hostility::kNone)) : otherwise_;
      script(connection);
    }
    connection.finish();
  }

  const HostileTransport transport_;
  const Script otherwise_;
  const TlsContext tls_;
  Watched<size_t> accepted_;
  ConnectionThreads threads_;
};

HostileServer::HostileServer(std::optional<CertificateAndKey> tls, Script otherwise,
                             const ConfigureTls& configure_tls)
    : HostileServer(HostileTransport{.tls = std::move(tls), .configure_tls = configure_tls},
                    std::move(otherwise)) {}
HostileServer::HostileServer(HostileTransport transport, Script otherwise)
    : impl_(std::make_unique<Impl>(std::move(transport), std::move(otherwise))) {}
HostileServer::~HostileServer() = default;
uint16_t HostileServer::port() const { return impl_->port(); }
std::string HostileServer::url() const { return impl_->url(); }
std::string HostileServer::url(Hostility hostility) const {
  return impl_->url() + "/" + hostility_name(hostility);
}
const Watched<size_t>& HostileServer::accepted() const { return impl_->accepted(); }

}  // namespace icws::support
