// A TLS client on a connected socket.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "adapter/session_cache.h"
#include "adapter/stream.h"

namespace icws::adapter {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslHandle = std::unique_ptr<SSL, SslFree>;

// Where a connection's new sessions go. The stream owns it; OpenSSL's callback finds it (slot_of).
struct SessionSlot {
  std::shared_ptr<SessionCache> cache;
  std::string destination;
};
SessionSlot* slot_of(const SSL* ssl);

// The newest of OpenSSL's errors, in words; clears them all.
std::string newest_tls_error();

// `ssl`: a client with everything set but its socket.
std::unique_ptr<Stream> make_tls_stream(boost::asio::ip::tcp::socket socket, SslHandle ssl, SessionSlot slot);

}  // namespace icws::adapter
