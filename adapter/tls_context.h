// What TLS connections are made with: roots, certificates of our own, sessions.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "adapter/config.h"
#include "adapter/stream.h"

namespace icws::adapter {

struct TlsSettings {
  // Trusted beside the system's roots. Empty: none.
  std::string ca_file;
  std::vector<TlsDestination> destinations;
  // Servers whose sessions are kept for resumption.
  size_t sessions_max = 1'024;
};

// What: makes TLS clients: version 1.2 and newer, no renegotiation, the certificate verified for the name
// that the URL has, ALPN http/1.1 (a server that selects anything else is refused), sessions resumed per
// server and setting. A resumed session was verified when it was made, an hour ago at most.
// Thread-safety: none; the I/O thread. Ownership: streams may outlive it.
// Errors: construction throws std::runtime_error that names the file.
class TlsContext {
 public:
  explicit TlsContext(const TlsSettings& settings);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // For streams from now on; nothing is resumed across it. After an error everything is as before.
  void reload(const TlsSettings& settings);

  // `host`: for SNI (unless a literal) and verification.
  std::unique_ptr<Stream> make_stream(boost::asio::ip::tcp::socket socket, const std::string& host,
                                      uint16_t port, bool is_literal);

  // Servers and bytes of kept sessions.
  size_t sessions() const;
  size_t session_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::adapter
