// The adapter's settings: every limit and deadline with its default, unit and reason.
// They come from a JSON file and from flags of the same names (dashes for underscores); flags win.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"

namespace icws::adapter {

struct AdapterConfig {
  // Path of the gRPC socket. Its directory is made with mode 0700, and must have it.
  std::string socket;
  // Networks (CIDR) that the egress policy allows although they are not globally reachable.
  std::vector<std::string> allow_networks;
  // PEM file of roots that are trusted beside the system's. Empty: none.
  std::string ca_file;
  // error, warning, info or debug.
  std::string log_level = "info";

  // --- Opening. The sum of the parts may exceed the whole: `open` always wins.
  // The whole open with its retries: the replica's own deadline is longer, so that it hears the cause.
  Milliseconds open_timeout{30'000};
  // One name: two rounds of a resolver that answers slowly.
  Milliseconds dns_timeout{5'000};
  // One address: three SYNs (1 s, 2 s, 4 s).
  Milliseconds connect_timeout{7'000};
  Milliseconds tls_timeout{10'000};
  // From our request to the end of the answer's header.
  Milliseconds upgrade_timeout{10'000};
  // Tries of a transient failure, the first one included; a refused connection gets two at most.
  uint64_t open_attempts_max = 3;
  // Pause before the second try; it doubles.
  Milliseconds open_retry_delay{250};
  // Addresses of one name that are tried in turn.
  uint64_t addresses_max = 8;
  // Names that are looked up at the same time; more wait in line.
  uint64_t resolver_threads = 4;

  // --- Living.
  // Without a byte from the server for so long, it is pinged ...
  Milliseconds ping_after{20'000};
  // ... and has so long to send one.
  Milliseconds pong_timeout{20'000};
  // A write may stand still for so long: a server that never reads.
  Milliseconds write_timeout{30'000};
  // A message may be unfinished for so long: a server that drips fragments.
  Milliseconds message_timeout{60'000};
  // Pings, pongs: an honest server sends a few a minute.
  uint64_t control_frames_per_second_max = 1'000;
  // From our Close frame, or the server's, to the end of the TCP connection.
  Milliseconds close_timeout{5'000};

  // --- Memory.
  // As many as a subnet has (design, section 4).
  uint64_t connections_max = 3'000;
  // Ended sockets that the replica has not closed yet are remembered, too: so many sockets together.
  uint64_t sockets_max = 6'000;
  // Unacknowledged events of one socket before it is not read any more.
  uint64_t events_max = 65'536;
  // Their bytes. Four maximum messages; one message may exceed it.
  uint64_t event_bytes_max = 8 * 1024 * 1024;
  // Those of all sockets together.
  uint64_t event_bytes_total_max = 512 * 1024 * 1024;
  // What each socket may hold even when the others have used up the total.
  uint64_t event_bytes_share = 64 * 1024;
  // Messages of the replica that are not written yet, of one socket: the outbox's size (design, section 4).
  uint64_t send_bytes_max = 4 * 1024 * 1024;
  uint64_t send_messages_max = 4'096;

  // --- Stopping.
  // From SIGTERM to the end of the process.
  Milliseconds stop_timeout{8'000};
};

// One numeric setting, for the parser, the flags and the tests of its edges.
struct Setting {
  std::string_view name;
  std::variant<Milliseconds AdapterConfig::*, uint64_t AdapterConfig::*> field;
  uint64_t min;
  uint64_t max;
  std::string_view help;
};
std::span<const Setting> settings();

// Overlays the JSON object `text` on `config`. Errors: one sentence for each fault (unknown key, wrong type,
// out of range), all at once; `config` is unspecified then.
std::expected<void, std::vector<std::string>> apply_json(std::string_view text, AdapterConfig& config);

// Sets a numeric setting within its range, or says why not.
std::expected<void, std::string> apply_number(const Setting& setting, uint64_t value, AdapterConfig& config);

// Faults that concern several settings or need parsing (networks, log level, no socket).
std::vector<std::string> validate(const AdapterConfig& config);

}  // namespace icws::adapter
