// Attacks on a client's time and memory, beside the broken rules of hostile_server.h: scripts and transports.
#pragma once

#include <string>
#include <vector>

#include "tests/support/hostile_server.h"
#include "tests/support/test_certificates.h"

namespace icws::support {

// One attack: how its server is set up and reached.
struct Attack {
  std::string name;
  HostileTransport transport;
  Script script;
  // The client comes with wss://, whatever the server speaks.
  bool secure = false;
};

// Answers that never end, or never get on: the client has not opened.
std::vector<Attack> handshake_attacks();
// After a good handshake.
std::vector<Attack> frame_attacks();
// By a server that took the compression that the client offered.
std::vector<Attack> compression_attacks();
// Below HTTP: TLS that breaks its rules, dribbles or presents the wrong certificate. The client trusts
// `authority` and asks for localhost.
std::vector<Attack> tls_attacks(const CertificateAuthority& authority);

// The URL that leads a client into the attack.
std::string attack_url(const Attack& attack, const HostileServer& server);

}  // namespace icws::support
