// The adapter's settings, as values. What each is for, its range, its reason and whether SIGHUP reloads it
// stand in one table (config_table.cc), from which everything else about them comes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace icws::adapter {

// What the operator says about TLS to some servers. All files are PEM.
struct TlsDestination {
  // As the URL has it: a name, "*.example.com", or an address. The first that matches counts.
  std::string host;
  // Roots beside those that are trusted anyway. Empty: none.
  std::string ca_file;
  // A chain and its key, for servers that ask for a certificate. Both or neither.
  std::string certificate_file;
  std::string key_file;

  bool operator==(const TlsDestination&) const = default;
};

// What: plain values with their defaults. A new setting is a field here and a row of the table.
struct AdapterConfig {
  // Process.
  std::string socket;
  std::vector<std::string> allow_users;
  std::string metrics;
  std::string log_level = "info";
  Milliseconds stop_timeout{8'000};

  // Egress.
  std::vector<std::string> allow_networks;
  std::vector<std::string> deny_networks;
  std::vector<std::string> allow_names;
  std::vector<std::string> deny_names;
  std::vector<std::string> allow_ports;
  std::vector<std::string> deny_ports;
  std::vector<std::string> proxies;
  std::vector<std::string> dns_servers;
  std::string ca_file;
  std::vector<TlsDestination> tls_destinations;
  uint64_t tls_sessions = 1'024;

  // Limits.
  uint64_t connections_per_canister_max = 600;
  uint64_t connections_per_destination_max = 256;
  uint64_t opens_per_second_max = 100;
  uint64_t opens_per_second_per_canister_max = 20;
  uint64_t opens_per_second_per_destination_max = 10;
  Milliseconds open_wait{10'000};
  uint64_t receive_bytes_per_second_max = 1024 * 1024 * 1024;
  uint64_t receive_bytes_per_second_per_canister_max = 64 * 1024 * 1024;

  // Opening.
  Milliseconds open_timeout{30'000};
  Milliseconds dns_timeout{5'000};
  Milliseconds connect_timeout{7'000};
  Milliseconds proxy_timeout{5'000};
  Milliseconds tls_timeout{10'000};
  Milliseconds upgrade_timeout{10'000};
  uint64_t open_attempts_max = 3;
  Milliseconds open_retry_delay{250};
  uint64_t addresses_max = 8;
  uint64_t look_ups_max = 256;

  // Living.
  Milliseconds ping_after{20'000};
  Milliseconds pong_timeout{20'000};
  Milliseconds write_timeout{30'000};
  Milliseconds message_timeout{60'000};
  uint64_t control_frames_per_second_max = 1'000;
  Milliseconds close_timeout{5'000};

  // Compression.
  bool compression = false;
  bool compression_context_takeover = true;
  uint64_t compression_window_bits = 12;
  uint64_t compression_contexts_max = 1'000;
  uint64_t compression_ratio_max = 150;

  // Memory.
  uint64_t connections_max = 3'000;
  uint64_t sockets_max = 6'000;
  uint64_t events_max = 65'536;
  uint64_t event_bytes_max = 8 * 1024 * 1024;
  uint64_t event_bytes_total_max = 512 * 1024 * 1024;
  uint64_t event_bytes_share = 64 * 1024;
  uint64_t send_bytes_max = 4 * 1024 * 1024;
  uint64_t send_messages_max = 4'096;

  bool operator==(const AdapterConfig&) const = default;
};

}  // namespace icws::adapter
