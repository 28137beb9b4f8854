#include "adapter/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "adapter/egress_policy.h"
#include "adapter/tls_stream.h"

namespace icws::adapter {
namespace {

using Tcp = boost::asio::ip::tcp;
using Clock = std::chrono::steady_clock;

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextHandle = std::unique_ptr<SSL_CTX, ContextFree>;

struct SessionFree {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using SessionHandle = std::unique_ptr<SSL_SESSION, SessionFree>;

// OpenSSL gives each new session, after the handshake (TLS 1.2) or with a read (1.3). Kept serialised: its
// size is known then, and the server's chain is not kept. 0: it stays OpenSSL's.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  const auto* slot = slot_of(ssl);
  if (!slot || SSL_SESSION_is_resumable(session) != 1) return 0;
  const int size = i2d_SSL_SESSION(session, nullptr);
  if (size <= 0 || static_cast<size_t>(size) > SessionCache::kSessionBytesMax) return 0;
  Bytes bytes(static_cast<size_t>(size), '\0');
  auto* out = reinterpret_cast<unsigned char*>(bytes.data());
  i2d_SSL_SESSION(session, &out);
  const bool single_use = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
  slot->cache->put(slot->destination, std::move(bytes), single_use, Clock::now());
  return 0;
}

void load_roots(SSL_CTX* context, const std::string& file) {
  if (file.empty() || SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) == 1) return;
  throw std::runtime_error("cannot read the roots in " + file + ": " + newest_tls_error());
}

void load_certificate(SSL_CTX* context, const TlsDestination& destination) {
  const auto& [host, ca_file, certificate_file, key_file] = destination;
  if (certificate_file.empty() != key_file.empty()) {
    throw std::runtime_error("tls_destinations: " + host +
                             ": a certificate needs its key, and a key its certificate");
  }
  if (certificate_file.empty()) return;
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
    throw std::runtime_error("cannot read the certificate in " + certificate_file + ": " +
                             newest_tls_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    throw std::runtime_error("cannot use the key in " + key_file + ": " + newest_tls_error());
  }
}

ContextHandle make_context(const std::string& ca_file) {
  ContextHandle out(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = out.get();
  static constexpr unsigned char kAlpn[] = "\x08http/1.1";
  // ALPN returns 0 for success.
  if (!context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_default_verify_paths(context) != 1 ||
      SSL_CTX_set_alpn_protos(context, kAlpn, sizeof kAlpn - 1) != 0) {
    throw std::runtime_error("cannot set up TLS: " + newest_tls_error());
  }
  load_roots(context, ca_file);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // One record without application data a turn: a server that sends session tickets without end would else
  // keep SSL_read, and with it all connections, for itself.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  // A missing close_notify is an end like any other: the Close frame says whether the end was clean.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  return out;
}

}  // namespace

struct TlsContext::Impl {
  struct Special {
    std::string host;
    ContextHandle context;
  };

  explicit Impl(const TlsSettings& settings)
      : usual(make_context(settings.ca_file)),
        sessions(std::make_shared<SessionCache>(settings.sessions_max)) {
    for (const auto& destination : settings.destinations) {
      auto context = make_context(settings.ca_file);
      load_roots(context.get(), destination.ca_file);
      load_certificate(context.get(), destination);
      specials.push_back({destination.host, std::move(context)});
    }
  }

  // Its place is part of a session's key: a session is resumed with the settings that it was made with.
  std::pair<SSL_CTX*, size_t> context_for(const std::string& host) const {
    const auto found =
        std::ranges::find_if(specials, [&](const auto& special) { return name_matches(special.host, host); });
    const auto place = static_cast<size_t>(found - specials.begin());
    return {found == specials.end() ? usual.get() : found->context.get(), place};
  }

  ContextHandle usual;
  std::vector<Special> specials;
  std::shared_ptr<SessionCache> sessions;
};

TlsContext::TlsContext(const TlsSettings& settings) : impl_(std::make_unique<Impl>(settings)) {}

void TlsContext::reload(const TlsSettings& settings) { impl_ = std::make_unique<Impl>(settings); }

TlsContext::~TlsContext() = default;

std::unique_ptr<Stream> TlsContext::make_stream(Tcp::socket socket, const std::string& host, uint16_t port,
                                                bool is_literal) {
  const auto [context, place] = impl_->context_for(host);
  SslHandle ssl(SSL_new(context));
  if (!ssl) throw std::bad_alloc();
  auto* verify = SSL_get0_param(ssl.get());
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int named = is_literal ? X509_VERIFY_PARAM_set1_ip_asc(verify, host.c_str())
                               : X509_VERIFY_PARAM_set1_host(verify, host.c_str(), host.size());
  // Literals have no SNI (RFC 6066, section 3).
  const bool sni = is_literal || SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1;
  if (named != 1 || !sni) {
    throw std::runtime_error("cannot set up TLS for " + host + ": " + newest_tls_error());
  }
  SessionSlot slot{impl_->sessions, std::to_string(place) + " " + host + ":" + std::to_string(port)};
  if (const auto kept = impl_->sessions->take(slot.destination, Clock::now())) {
    const auto* in = reinterpret_cast<const unsigned char*>(kept->data());
    const SessionHandle session(d2i_SSL_SESSION(nullptr, &in, static_cast<long>(kept->size())));
    // Without it the handshake is a full one.
    if (session) SSL_set_session(ssl.get(), session.get());
  }
  return make_tls_stream(std::move(socket), std::move(ssl), std::move(slot));
}

size_t TlsContext::sessions() const { return impl_->sessions->destinations(); }
size_t TlsContext::session_bytes() const { return impl_->sessions->bytes(); }

}  // namespace icws::adapter
