// A DNS server for tests: answers as told, late, wrongly, or not at all.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/waiting.h"

namespace icws::support {

// What is said to one question.
struct DnsAnswer {
  // In text form; of the question's family. Empty and no code: the name exists, without such addresses.
  std::vector<std::string> addresses;
  // Of RFC 1035, section 4.1.1: 2 SERVFAIL, 3 NXDOMAIN.
  uint8_t code = 0;
  std::chrono::milliseconds delay{0};
  bool silent = false;
  // Sent before the answer: one with another id, as a forger would.
  bool forged_first = false;
};

// What a server says of a name. Names that are not told do not exist (NXDOMAIN).
struct DnsZone {
  std::string name;
  DnsAnswer v4;
  DnsAnswer v6;
};

struct DnsProgress {
  size_t questions = 0;
  // Of each name in the order of questions, both families.
  std::vector<std::string> names;
  // Source ports of the questions.
  std::vector<uint16_t> ports;
};

// What: answers A and AAAA questions over UDP on 127.0.0.1. Thread-safety: all methods from any thread.
// Ownership: owns its thread. Errors: construction throws std::system_error.
class DnsServer {
 public:
  explicit DnsServer(std::vector<DnsZone> zones);
  ~DnsServer();

  // "127.0.0.1:PORT".
  std::string address() const;
  const Watched<DnsProgress>& progress() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace icws::support
