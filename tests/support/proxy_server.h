// A proxy for tests, of both kinds, honest or not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/waiting.h"

namespace icws::support {

enum class ProxyConduct {
  kHonest,
  kSilent,        // accepts and says nothing
  kGarbage,       // bytes of no protocol
  kRefuses,       // SOCKS5: by its rules; CONNECT: 403
  kUnreachable,   // SOCKS5: host unreachable; CONNECT: 502
  kByteByByte,    // honest, each byte of its answers in a segment of its own
  kSpeaksBehind,  // honest, but with bytes behind its answer
  kEndless,       // an answer that never ends
  kEndsEarly,     // half an answer, then FIN
};

struct ProxyOptions {
  bool socks = true;  // else CONNECT
  ProxyConduct conduct = ProxyConduct::kHonest;
  // Names that only this proxy can look up, and where they lead: "name:port" to a port of 127.0.0.1.
  std::map<std::string, uint16_t> names;
  // Set: wanted of clients.
  std::string user;
  std::string password;
  std::string listen = "127.0.0.1";
};

struct ProxyProgress {
  size_t accepted = 0;
  // "name:port", as asked for.
  std::vector<std::string> targets;
};

// What: a proxy with a thread for each connection. Thread-safety: all methods from any thread.
// Ownership: owns its threads; the destructor cuts all connections. Errors: construction throws
// std::system_error.
class ProxyServer {
 public:
  explicit ProxyServer(ProxyOptions options);
  ~ProxyServer();

  uint16_t port() const;
  // "socks5h://127.0.0.1:PORT" or "http://127.0.0.1:PORT", with user and password if they are wanted.
  std::string url() const;
  const Watched<ProxyProgress>& progress() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::support
